{#- The raw contract as sources.yml states it (contracts, section 1). -#}

{#- The columns of a raw table, in order, and its key, as sources.yml defines them. -#}
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

{#- The rows of a table that this run reads: all, or those of the accounts that are not brought
    forward and what came since. -#}
{% macro delivered(table) -%}
    {{ ref('delivered_' ~ table) if is_brought_forward(table) else source('raw', table) }}
{%- endmacro %}

{#- The key of a complete row as one value. -#}
{% macro row_key(table) -%}
    {%- set key = raw_key(table) -%}
    {{ key[0] if key | length == 1 else "concat_ws('|', " ~ key | join(', ') ~ ")" }}
{%- endmacro %}

{#- True for a row without key or moment of recording; one that cannot be is none. -#}
{% macro is_incomplete(table) -%}
    ({{ raw_key(table) | join(' is null or ') }} is null or not {{ says_when_recorded() }})
{%- endmacro %}

{#- The values of some columns, each as text that cannot be taken for another. -#}
{% macro every_value(columns) -%}
    {%- for column in columns -%}
            {{ unambiguous(column) }}
            {{- ',\n            ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- A digest of all that a row says. -#}
{% macro digest(table) -%}
    md5(concat_ws(
            '|',
            _unreadable_columns,
            {{ every_value(raw_columns(table)) }}
        ))
{%- endmacro %}
