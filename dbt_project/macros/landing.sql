{#- How a delivered row finds its one place (contracts, section 1). -#}

{#- What sources.yml says of a raw table: its columns, in order, and its key. -#}
{% macro raw_columns(table) -%}
    {%- if execute -%}
        {{ return(raw_table(table).columns.keys() | list) }}
    {%- else -%}
        {{ return(['recorded_at']) }}
    {%- endif -%}
{%- endmacro %}

{% macro raw_key(table) -%}
    {%- if execute -%}
        {{ return(raw_table(table).config.meta.key) }}
    {%- else -%}
        {{ return(['recorded_at']) }}
    {%- endif -%}
{%- endmacro %}

{% macro raw_table(table) -%}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'raw')
        | selectattr('name', 'equalto', table) | first) }}
{%- endmacro %}

{#- Every raw table, in the order in which people think of them. -#}
{% macro raw_tables() -%}
    {{ return([
        'customers', 'accounts', 'credit_limits', 'consents', 'transactions', 'bills',
        'adverse_notices', 'disputes', 'internal_scores',
    ]) }}
{%- endmacro %}

{#- Each delivered row with its version_place: current (the newest by the cut-off of its key),
    after_cut_off, duplicate (an exact copy), superseded (a newer version exists) or conflicting
    (equal key and recorded_at, other content). Adds row_key. -#}
{% macro versions(table) %}
    {%- set columns = raw_columns(table) -%}
    {%- set key = raw_key(table) -%}
    select
        {{ columns | join(', ') }},
        _unreadable_columns,
        concat_ws('|', {{ key | join(', ') }}) as row_key,
        case when recorded_at > {{ as_of() }} then 'after_cut_off' else 'current' end
            as version_place
    from {{ source('raw', table) }}
    where
        not ({{ is_compared(table, key) }})
        and not ({{ is_incomplete(key) }})
    union all
    select
        {{ columns | join(', ') }},
        _unreadable_columns,
        row_key,
        case
            when recorded_at > {{ as_of() }} then 'after_cut_off'
            when row_number() over (partition by content order by row_key) > 1 then 'duplicate'
            else 'current'
        end as version_place
    from (
        {{ with_content(table, key) }}
        where {{ is_incomplete(key) }}
    ) as incomplete
    union all
    select
        {{ columns | join(', ') }},
        _unreadable_columns,
        row_key,
        case
            when copy_number > 1 then 'duplicate'
            when first_content <> last_content then 'conflicting'
            when recorded_at < newest_recorded_at then 'superseded'
            else 'current'
        end as version_place
    from (
        select
            *,
            max(recorded_at) over (partition by row_key) as newest_recorded_at,
            row_number() over (
                partition by row_key, recorded_at, content
                order by row_key
            ) as copy_number,
            min(content) over (partition by row_key, recorded_at) as first_content,
            max(content) over (partition by row_key, recorded_at) as last_content
        from (
            {{ with_content(table, key) }}
            where {{ is_compared(table, key) }}
        ) as repeated
    ) as compared
{% endmacro %}

{#- Every delivered row with its key as one text and a digest of all it says. -#}
{% macro with_content(table, key) -%}
    {%- set columns = raw_columns(table) -%}
    select
        *,
        concat_ws('|', {{ key | join(', ') }}) as row_key,
        md5(concat_ws(
            '|',
            _unreadable_columns,
            {%- for column in columns %}
            {{ unambiguous(column) }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        )) as content
    from {{ source('raw', table) }}
{%- endmacro %}

{#- True for a row without key or moment of recording: it has no versions, only copies. -#}
{% macro is_incomplete(key) -%}
    {{ key | join(' is null or ') }} is null or recorded_at is null
{%- endmacro %}

{#- True for a row of the run whose key came more than once; never unknown, so that every row is in
    one half. -#}
{% macro is_compared(table, key) -%}
    coalesce(recorded_at <= {{ as_of() }}, false)
    and coalesce({{ is_repeated_key(table, key) }}, false)
{%- endmacro %}

{#- True for the few keys that were delivered more than once by the cut-off; only these are
    compared. -#}
{% macro is_repeated_key(table, key) -%}
    {{ '(' ~ key | join(', ') ~ ')' }} in (
        select {{ '(' ~ key | join(', ') ~ ')' }}
        from {{ source('raw', table) }}
        where recorded_at <= {{ as_of() }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    )
{%- endmacro %}

{#- The ids of the row rules a row breaks; a rule whose answer is unknown is broken. The rules every
    table shares come first: a readable row, a key, a moment of recording. -#}
{% macro broken_rules(table, rules) -%}
    {%- set shared = [
        ('VALUE_UNREADABLE', '_unreadable_columns is null'),
        ('KEY_MISSING', (raw_key(table) | join(' is not null and ')) ~ ' is not null'),
        ('RECORDED_AT_MISSING', 'recorded_at is not null'),
    ] -%}
    {{ return(adapter.dispatch("list_of_broken")(shared + rules)) }}
{%- endmacro %}
{% macro default__list_of_broken(rules) -%}
    list_filter([
        {%- for id, rule in rules %}
            case when coalesce({{ rule }}, false) then null else '{{ id }}' end
            {{- ',' if not loop.last }}
        {%- endfor %}
        ], lambda id: id is not null)
{%- endmacro %}
{% macro spark__list_of_broken(rules) -%}
    array_compact(array(
        {%- for id, rule in rules %}
            case when coalesce({{ rule }}, false) then null else '{{ id }}' end
            {{- ',' if not loop.last }}
        {%- endfor %}
        ))
{%- endmacro %}

{#- The one place of a delivered row. A row that waits for its account or customer counts as after
    the cut-off: for this run it does not exist yet. -#}
{% macro place(is_waiting) -%}
    case
        when version_place not in ('current', 'conflicting') then version_place
        when {{ is_waiting }} then 'after_cut_off'
        when version_place = 'conflicting' then 'quarantined'
        when {{ list_length('broken_rules') }} > 0 then 'quarantined'
        else 'good'
    end
{%- endmacro %}

{% macro list_length(list) -%} {{ return(adapter.dispatch("list_length")(list)) }} {%- endmacro %}
{% macro default__list_length(list) -%} len({{ list }}) {%- endmacro %}
{% macro spark__list_length(list) -%} size({{ list }}) {%- endmacro %}

{#- The rules shared by the rows of an account: its id is delivered and stands. -#}
{% macro account_rules() -%}
    {{ return([
        ('ACCOUNT_UNKNOWN', 'known_account_id is not null'),
        ('ACCOUNT_REJECTED', "standing <> 'rejected'"),
    ]) }}
{%- endmacro %}


{% macro list_of(value) -%} {{ return(adapter.dispatch("list_of")(value)) }} {%- endmacro %}
{% macro default__list_of(value) -%} [{{ value }}] {%- endmacro %}
{% macro spark__list_of(value) -%} array({{ value }}) {%- endmacro %}

{% macro unnested(list) -%} {{ return(adapter.dispatch("unnested")(list)) }} {%- endmacro %}
{% macro default__unnested(list) -%} unnest({{ list }}) {%- endmacro %}
{% macro spark__unnested(list) -%} explode({{ list }}) {%- endmacro %}

{% macro matches_fully(column, pattern) -%}
    {{ return(adapter.dispatch("matches_fully")(column, pattern)) }}
{%- endmacro %}
{% macro default__matches_fully(column, pattern) -%}
    {{ return("regexp_full_match(" ~ column ~ ", '" ~ pattern ~ "')") }}
{%- endmacro %}
{% macro spark__matches_fully(column, pattern) -%}
    {{ return(column ~ " rlike '^(" ~ pattern ~ ")$'") }}
{%- endmacro %}

{% macro is_alphanumeric(column) -%}
    {{ return(matches_fully(column, '[A-Za-z0-9]+')) }}
{%- endmacro %}

{% macro safe_integer(text) -%} try_cast({{ text }} as integer) {%- endmacro %}

{#- A date as its eight digits, YYYYMMDD. -#}
{% macro digits_of_date(day) -%}
    replace(cast({{ day }} as {{ dbt.type_string() }}), '-', '')
{%- endmacro %}

{#- The distinct values of a group as one text, sorted. -#}
{% macro joined_distinct(value) -%}
    {{ return(adapter.dispatch("joined_distinct")(value)) }}
{%- endmacro %}
{% macro default__joined_distinct(value) -%}
    string_agg(distinct {{ value }}, ', ' order by {{ value }})
{%- endmacro %}
{% macro spark__joined_distinct(value) -%}
    array_join(array_sort(collect_set({{ value }})), ', ')
{%- endmacro %}

{#- A million million yuan: no consumer owes more, and sums of less fit the columns of the
    marts. -#}
{% macro largest_amount() -%} {{ return('1000000000000') }} {%- endmacro %}

{#- A value as text that no other value, and no missing one, can be taken for when texts are joined. -#}
{% macro unambiguous(column) -%}
    {%- set text -%} cast({{ column }} as {{ dbt.type_string() }}) {%- endset -%}
    coalesce(cast(length({{ text }}) as {{ dbt.type_string() }}) || ':' || {{ text }}, '~')
{%- endmacro %}
