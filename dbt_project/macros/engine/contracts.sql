{#- Spark's Parquet tables hold no constraint: the columns that may not be null are tested instead,
    and a null stops the run as it does in DuckDB. -#}
{% macro spark__persist_constraints(relation, model) %}
    {%- set required = [] -%}
    {%- for name, column in model.columns.items() -%}
        {%- if column.constraints | selectattr('type', 'equalto', 'not_null') | list -%}
            {%- do required.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if config.get('contract').enforced and required -%}
        {%- call statement('nulls', fetch_result=true) -%}
            select assert_true(count(*) = 0, 'null where the contract of {{ relation }} has none')
            from {{ relation }}
            where {{ required | join(' is null or ') }} is null
        {%- endcall -%}
    {%- endif -%}
{% endmacro %}
