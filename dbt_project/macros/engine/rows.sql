{#- Where DuckDB and Spark differ: joins and windows. -#}

{#- The rows of the first input that have no partner in the second. -#}
{% macro anti_join() -%} {{ return(adapter.dispatch("anti_join")()) }} {%- endmacro %}
{% macro default__anti_join() -%} anti join {%- endmacro %}
{% macro spark__anti_join() -%} left anti join {%- endmacro %}

{#- The values of a column that come more than once. Of many millions of numbers a sort costs DuckDB
    half of what a group costs; Spark would bring all rows to one machine for it. -#}
{% macro repeated_values(column, relation) -%}
    {{ return(adapter.dispatch("repeated_values")(column, relation)) }}
{%- endmacro %}
{% macro default__repeated_values(column, relation) -%}
    select distinct {{ column }}
    from (
        select {{ column }}
        from {{ relation }}
        qualify {{ column }} = lag({{ column }}) over (order by {{ column }})
    ) as repeated
{%- endmacro %}
{% macro spark__repeated_values(column, relation) -%}
    select {{ column }}
    from {{ relation }}
    group by {{ column }}
    having count(*) > 1
{%- endmacro %}

{#- A number for each row: in order on one machine; on many, where an order over all rows would bring
    them to one of them, just a number of its own. -#}
{% macro row_numbers(order_by) -%}
    {{ return(adapter.dispatch("row_numbers")(order_by)) }}
{%- endmacro %}
{% macro default__row_numbers(order_by) -%} row_number() over (order by {{ order_by }}) {%- endmacro %}
{% macro spark__row_numbers(order_by) -%} monotonically_increasing_id() {%- endmacro %}

{#- The last value that is not null, as a window function. -#}
{% macro last_known(column) -%} {{ return(adapter.dispatch("last_known")(column)) }} {%- endmacro %}
{% macro default__last_known(column) -%} last_value({{ column }} ignore nulls) {%- endmacro %}
{% macro spark__last_known(column) -%} last({{ column }}, true) {%- endmacro %}
