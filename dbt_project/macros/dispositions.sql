{#- How a delivered row finds its one disposition: good, superseded or quarantined (contracts,
    section 1). -#}

{#- The rows of a table that are looked at one by one: those with a question about them
    (has_question), with all that tells their place, and what the table wants beside them
    (`beside`). One look through the delivered rows finds both. A table may have questions of its
    own: `also`, and the keys in the relation `also_keys`. -#}
{% macro singled_out(
    table, rules, of=none, may_be_agreement=false, also='false', also_keys=none, beside='false'
) %}
    {%- set columns = raw_columns(table) -%}
    {%- set is_waiting = "coalesce(standing = 'waiting', false)" if of else 'false' -%}
with keys as (  -- of all rows: false positives are harmless here
    select {{ hash_of(row_key(table)) }} as key_hash
    from {{ delivered(table) }}
),

asked_about as (  -- only keys delivered more than once have versions to compare
    {{ repeated_values('key_hash', 'keys') }}
    {%- if also_keys %}
    union distinct
    select {{ hash_of('also_key') }} as key_hash
    from {{ also_keys }}
    {%- endif %}
),

{% if of -%}
parents as (
    select *
    from {{ ref('known_' ~ of ~ 's') }}
    {%- if not may_be_agreement and of == 'account' %}
    where not is_agreement
    {%- endif %}
),

{% endif -%}
looked_at as (
    select
        delivered.*,
        {%- if of %}
        parents.*,
        {%- endif %}
        asked_about.key_hash is not null
        or {{ breaks_any(table, rules) }}
        or {{ is_waiting }}
        or {{ also }} as has_question
    from {{ delivered(table) }} as delivered
    left join asked_about
        on asked_about.key_hash = {{ hash_of(row_key(table)) }}
    {%- if of %}
    left join parents
        on delivered.{{ of }}_id = parents.known_{{ of }}_id
    {%- endif %}
    where not coalesce({{ is_recorded_later('delivered.') }}, false)
)

select
    {{ columns | join(',\n    ') }},
    _file as source_file,
    has_question,
    {{ is_waiting }} as is_waiting,
    {{ is_incomplete(table) }} as is_incomplete,
    case when has_question then concat_ws('|', {{ raw_key(table) | join(', ') }}) end as row_key,
    case when has_question then {{ digest(table) | indent(4) }} end as content,
    case when has_question then {{ broken_rules(table, rules) | indent(4) }} end as broken_rules
from looked_at
where
    has_question
    or {{ beside }}
{%- endmacro %}

{#- The one place of each row with a question about it, among those that are singled out. -#}
{% macro placed(table, singled_out) %}
select
    {{ raw_columns(table) | join(',\n    ') }},
    source_file,
    row_key,
    broken_rules,
    -- a row without key or moment of recording has no versions, only copies
    not is_incomplete and first_content <> last_content as is_conflicting,
    not is_incomplete and has_another_subject as changes_subject,
    case
        when copy_number > 1 then 'duplicate'
        when not is_incomplete and has_another_subject
            then case when is_waiting then 'after_cut_off' else 'quarantined' end
        when not is_incomplete and first_content = last_content and recorded_at < newest_recorded_at
            then 'superseded'
        -- a row that waits for its account or customer does not exist yet for this run
        when is_waiting then 'after_cut_off'
        when not is_incomplete and first_content <> last_content then 'quarantined'
        when {{ list_length('broken_rules') }} > 0 then 'quarantined'
        else 'good'
    end as place
from (
    select
        *,
        max(recorded_at) over (partition by row_key, is_incomplete) as newest_recorded_at,
        row_number() over (
            partition by row_key, is_incomplete, recorded_at, content
            order by source_file
        ) as copy_number,
        min(content) over (partition by row_key, is_incomplete, recorded_at) as first_content,
        max(content) over (partition by row_key, is_incomplete, recorded_at) as last_content,
        {{ has_another_subject(table) }} as has_another_subject
    from {{ singled_out }}
    where has_question
) as compared
{% endmacro %}
