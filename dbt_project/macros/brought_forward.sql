{#- What the month before carried forward, so that a month reads its own events and what is still open
    (docs/decisions/0013-carried-forward.md). Without it everything is read from the beginning. -#}

{#- Is the ledger's history of this table brought forward? -#}
{% macro is_brought_forward(table) -%}
    {{ return(var('brought_forward_as_of') and table in ['transactions', 'bills']) }}
{%- endmacro %}

{#- The files of a table that the month before read, as a list in SQL: named one by one, so that
    DuckDB knows before it reads which files it need not open. The empty name stands where there are
    none. -#}
{% macro files_read_before(table) -%}
    {%- set files = [] -%}
    {%- if execute -%}
        {%- set query -%}
            select file
            from {{ source('brought_forward', 'files') }}
            where file like '{{ table }}/%'
            order by file
        {%- endset -%}
        {%- set files = run_query(query).columns[0].values() | list -%}
    {%- endif -%}
    {%- set literals = [] -%}
    {%- for file in files + [''] -%}
        {%- do literals.append(dbt.string_literal(dbt.escape_single_quotes(file))) -%}
    {%- endfor -%}
    {{ return('(' ~ literals | join(', ') ~ ')') }}
{%- endmacro %}

{#- True for a row that was recorded after the cut-off of the month before. -#}
{% macro is_recorded_since() -%}
    recorded_at > timestamp '{{ var("brought_forward_as_of") }}'
{%- endmacro %}

{#- True for a delivered row that the month before did not read. -#}
{% macro is_news(table) -%}
    ({{ is_recorded_since() }} or _file not in {{ files_read_before(table) }})
{%- endmacro %}

{#- The delivered rows of a table that the month before did not read. -#}
{% macro news(table) -%}
    {%- set columns = (raw_columns(table) + ['_unreadable_columns', '_file']) | join(',\n    ') -%}
    {%- set read_before = files_read_before(table) -%}
select
    {{ columns }}
from {{ source('raw', table) }}
where _file not in {{ read_before }}
union all
select
    {{ columns }}
from {{ source('raw', table) }}
where
    _file in {{ read_before }}
    and {{ is_recorded_since() }}
{%- endmacro %}

{#- The accounts of rows that came under a key which was delivered before. -#}
{% macro accounts_delivered_again(table) -%}
    {%- set key = raw_key(table)[0] -%}
    select news.account_id
    from {{ ref('news_' ~ table) }} as news
    inner join again_{{ table }} as again
        on news.{{ key }} = again.{{ key }}
    union all
    select account_id
    from again_{{ table }}
    union all  -- of a row without key or moment of recording nobody can say what it repeats
    select account_id
    from {{ ref('news_' ~ table) }}
    where {{ is_incomplete(table) }}
{%- endmacro %}

{#- The rows that the month before read whose key came again since. -#}
{% macro delivered_again(table) -%}
    {%- set key = raw_key(table)[0] -%}
    select
        before.{{ key }},
        before.account_id
    from {{ source('raw', table) }} as before
    inner join (
        select distinct {{ key }}
        from {{ ref('news_' ~ table) }}
        where coalesce(recorded_at <= {{ as_of() }}, true)
    ) as news
        on before.{{ key }} = news.{{ key }}
    where not coalesce({{ is_news(table) }}, false)
{%- endmacro %}

{#- The delivered rows that this run reads. -#}
{% macro delivered_to_read(table) -%}
    {%- set columns = raw_columns(table) + ['_unreadable_columns', '_file'] -%}
select
    delivered.{{ columns | join(',\n    delivered.') }}
from {{ source('raw', table) }} as delivered
{{ anti_join() }} {{ ref('accounts_brought_forward') }} as accounts
    on delivered.account_id = accounts.account_id
union all
select
    news.{{ columns | join(',\n    news.') }}
from {{ ref('news_' ~ table) }} as news
inner join {{ ref('accounts_brought_forward') }} as accounts
    on news.account_id = accounts.account_id
{%- endmacro %}

{#- The rows of a relation that the month before carried forward for the accounts that go on. -#}
{% macro rows_brought_forward(relation, columns) -%}
select
    carried.{{ columns | join(',\n    carried.') }}
from {{ source('brought_forward', relation) }} as carried
inner join {{ ref('accounts_brought_forward') }} as accounts
    on carried.account_id = accounts.account_id
{%- endmacro %}

{#- Columns of a questioned row that are kept. -#}
{% macro questioned_columns(table) -%}
    {{ return(raw_columns(table) + ['source_file', 'row_key', 'broken_rules', 'is_conflicting',
        'changes_subject']
        + (['broken_reversal_rule'] if table == 'transactions' else []) + ['place']) }}
{%- endmacro %}

{#- Every delivered row with a question about it, of this run and brought forward. -#}
{% macro questioned_rows(table) -%}
    {%- set columns = questioned_columns(table) -%}
(
        select {{ columns | join(', ') }}
        from {{ ref('questioned_' ~ table) }}
        {%- if is_brought_forward(table) %}
        union all
        {{ rows_brought_forward('questioned_' ~ table, columns) }}
        {%- endif %}
    )
{%- endmacro %}
