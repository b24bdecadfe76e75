{#- A text with its placeholders, such as {account}, replaced by the values of a row. -#}
{% macro filled_in(text, values) -%}
    {%- set filled = namespace(sql=text) -%}
    {%- for name, value in values.items() -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '{" ~ name ~ "}', " ~ value ~ ")" -%}
    {%- endfor -%}
    {{ return(filled.sql) }}
{%- endmacro %}

{#- A text without the spaces around it, those of any script. -#}
{% macro trimmed(text) -%} {{ return(adapter.dispatch("trimmed")(text)) }} {%- endmacro %}
{% macro default__trimmed(text) -%} trim({{ text }}) {%- endmacro %}
{% macro spark__trimmed(text) -%}
    regexp_replace({{ text }}, '^\\p{Zs}+|\\p{Zs}+\\z', '')
{%- endmacro %}
