{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- A schema is called what the folder says; nothing is prefixed. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
