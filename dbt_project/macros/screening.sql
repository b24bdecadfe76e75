{#- What staging makes of a raw table: each row with its disposition, and the good ones. -#}

{#- The delivered rows of a table about which there is a question, and the one place each has: its
    key came more than once, it breaks a rule, or its account or customer is not there yet. Every
    other row recorded by the cut-off is good, so that the millions of plain rows are read and never
    copied. A row's place is good, duplicate (an exact copy), superseded (a newer version exists),
    quarantined or after_cut_off. Versions that move a key to another subject are all quarantined. -#}
{% macro screened(table, rules, of=none, may_be_agreement=false) %}
with singled_out as (
    {{ singled_out(table, rules, of, may_be_agreement) | indent(4) }}
)

{{ placed(table, 'singled_out') }}
{% endmacro %}

{#- True where versions of one key are about different subjects: a newer version corrects facts and
    never moves a key to somebody else. A person stays one under a corrected number or a corrected
    name; under another number and another name it is another person. Unknown values (sex 0 and 9)
    distinguish no persons. -#}
{% macro has_another_subject(table) -%}
    {%- if table == 'customers' -%}
    {{ differs_between_versions('upper(id_number)') }}
        and (
            {{ differs_between_versions('name') }}
            or {{ differs_between_versions('birth_date') }}
            or {{ differs_between_versions("case when sex in ('1', '2') then sex end") }}
        )
    {%- elif table in ['accounts', 'consents'] -%}
    {{ differs_between_versions('customer_id') }}
    {%- elif table in ['transactions', 'bills', 'adverse_notices', 'disputes'] -%}
    {{ differs_between_versions('account_id') }}
    {%- else -%}  {#- the subject is part of the key -#}
    false
    {%- endif -%}
{%- endmacro %}

{#- True where the versions of a row's key hold more than one known value. -#}
{% macro differs_between_versions(value) -%}
    coalesce(
            min({{ value }}) over (partition by row_key, is_incomplete)
            <> max({{ value }}) over (partition by row_key, is_incomplete),
            false
        )
{%- endmacro %}

{#- The good rows of a table: the newest version of each key as known at the cut-off. -#}
{% macro good_rows(table) -%}
{{ good_rows_among(table, delivered(table), ref('screened_' ~ table)) }}
{%- if is_brought_forward(table) %}
union all
{{ rows_brought_forward(table, raw_columns(table)) }}
{%- endif %}
{%- endmacro %}

{#- Those of some rows, given all the questions about them. -#}
{% macro good_rows_among(table, rows, questions) -%}
select
    {{ good_values(table, 'delivered.') }}
from {{ rows }} as delivered
{{ anti_join() }} (
    select {{ raw_key(table) | join(', ') }}
    from {{ questions }}
    where recorded_at is not null
) as screened
    on
    {%- for column in raw_key(table) %}
    delivered.{{ column }} = screened.{{ column }}
    {{- ' and' if not loop.last }}
    {%- endfor %}
where
    delivered.recorded_at <= {{ as_of() }}
    and delivered.{{ raw_key(table) | join(' is not null and delivered.') }} is not null
union all
select
    {{ good_values(table) }}
from {{ questions }}
where place = 'good'
{%- endmacro %}

{#- The columns of a table as they count: an open-ended date after 2099 means none. -#}
{% macro good_values(table, of='') -%}
    {%- for column in raw_columns(table) -%}
        {%- if execute and raw_table(table).columns[column].config.meta.open_ended -%}
            case when {{ of }}{{ column }} < date '2100-01-01' then {{ of }}{{ column }} end
            {{- ' as ' ~ column }}
        {%- else -%}
            {{ of }}{{ column }}
        {%- endif -%}
        {{- ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The good rows of a table that had a question about them or were brought forward: few, and every
    reversal is among them. -#}
{% macro special_rows(table) -%}
(
        select {{ raw_columns(table) | join(', ') }}
        from {{ ref('screened_' ~ table) }}
        where place = 'good'
        {%- if is_brought_forward(table) %}
        union all
        {{ rows_brought_forward(table, raw_columns(table)) }}
        {%- endif %}
    )
{%- endmacro %}
