{#- Where DuckDB and Spark differ: lists. -#}

{% macro list_of(value) -%} {{ return(adapter.dispatch("list_of")(value)) }} {%- endmacro %}
{% macro default__list_of(value) -%} [{{ value }}] {%- endmacro %}
{% macro spark__list_of(value) -%} array({{ value }}) {%- endmacro %}

{% macro list_length(list) -%} {{ return(adapter.dispatch("list_length")(list)) }} {%- endmacro %}
{% macro default__list_length(list) -%} len({{ list }}) {%- endmacro %}
{% macro spark__list_length(list) -%} size({{ list }}) {%- endmacro %}

{% macro unnested(list) -%} {{ return(adapter.dispatch("unnested")(list)) }} {%- endmacro %}
{% macro default__unnested(list) -%} unnest({{ list }}) {%- endmacro %}
{% macro spark__unnested(list) -%} explode({{ list }}) {%- endmacro %}

{% macro default__list_of_broken(rules) -%}
    case when _unreadable_columns is not null then ['VALUE_UNREADABLE'] else list_filter([
        {%- for id, rule in rules %}
            case when coalesce({{ rule }}, false) then null else '{{ id }}' end
            {{- ',' if not loop.last }}
        {%- endfor %}
        ], lambda id: id is not null) end
{%- endmacro %}
{% macro spark__list_of_broken(rules) -%}
    case when _unreadable_columns is not null then array('VALUE_UNREADABLE') else array_compact(array(
        {%- for id, rule in rules %}
            case when coalesce({{ rule }}, false) then null else '{{ id }}' end
            {{- ',' if not loop.last }}
        {%- endfor %}
        )) end
{%- endmacro %}

{#- The distinct values of a group as one text, sorted. -#}
{% macro joined_distinct(value) -%}
    {{ return(adapter.dispatch("joined_distinct")(value)) }}
{%- endmacro %}
{% macro default__joined_distinct(value) -%}
    case when count({{ value }}) > 0
        then array_to_string(list_sort(list_distinct(list({{ value }}))), ', ') end
{%- endmacro %}
{% macro spark__joined_distinct(value) -%}
    case when count({{ value }}) > 0 then array_join(array_sort(collect_set({{ value }})), ', ') end
{%- endmacro %}
