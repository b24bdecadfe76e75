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

{#- The rows of a relation that the month before carried forward for the accounts that go on. -#}
{% macro rows_brought_forward(relation, columns) -%}
select
    carried.{{ columns | join(',\n    carried.') }}
from {{ source('brought_forward', relation) }} as carried
inner join {{ ref('accounts_brought_forward') }} as accounts
    on carried.account_id = accounts.account_id
{%- endmacro %}

{#- Columns of a screened row that are kept. -#}
{% macro screened_columns(table) -%}
    {{ return(raw_columns(table) + ['source_file', 'row_key', 'broken_rules', 'is_conflicting',
        'changes_subject']
        + rules_about_others(table) + ['place']) }}
{%- endmacro %}

{#- The columns of a screened table with a rule that a row breaks beside another row. -#}
{% macro rules_about_others(table) -%}
    {{ return({
        'transactions': ['broken_reversal_rule'],
        'accounts': ['broken_agreement_rule'],
    }.get(table, [])) }}
{%- endmacro %}

{#- Every delivered row with a question about it, of this run and brought forward. -#}
{% macro screened_rows(table) -%}
    {%- set columns = screened_columns(table) -%}
(
        select {{ columns | join(', ') }}
        from {{ ref('screened_' ~ table) }}
        {%- if is_brought_forward(table) %}
        union all
        {{ rows_brought_forward('screened_' ~ table, columns) }}
        {%- endif %}
    )
{%- endmacro %}
