{#- A text with its placeholders, such as {account}, replaced by the values of a row. -#}
{% macro filled_in(text, values) -%}
    {%- set filled = namespace(sql=text) -%}
    {%- for name, value in values.items() -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '{" ~ name ~ "}', " ~ value ~ ")" -%}
    {%- endfor -%}
    {{ return(filled.sql) }}
{%- endmacro %}
