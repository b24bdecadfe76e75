{#- Where DuckDB and Spark differ: days and months. -#}

{% macro add_months(day, count) -%}
    {{ return(adapter.dispatch("add_months")(day, count)) }}
{%- endmacro %}
{% macro default__add_months(day, count) -%}
    cast({{ day }} + {{ count }} * interval 1 month as date)
{%- endmacro %}
{% macro spark__add_months(day, count) -%} add_months({{ day }}, {{ count }}) {%- endmacro %}

{% macro add_days(day, count) -%}
    {{ return(adapter.dispatch("add_days")(day, count)) }}
{%- endmacro %}
{% macro default__add_days(day, count) -%}
    cast({{ day }} + cast({{ count }} as integer) as date)
{%- endmacro %}
{% macro spark__add_days(day, count) -%} date_add({{ day }}, {{ count }}) {%- endmacro %}

{#- Whole days from the earlier to the later date. -#}
{% macro days_between(later, earlier) -%}
    {{ return(adapter.dispatch("days_between")(later, earlier)) }}
{%- endmacro %}
{% macro default__days_between(later, earlier) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}
{% macro spark__days_between(later, earlier) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}

{#- One row per month (its first day), from one month to another, both included. -#}
{% macro month_series(first, last) -%}
    {{ return(adapter.dispatch("month_series")(first, last)) }}
{%- endmacro %}
{% macro default__month_series(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 month)) as date)
{%- endmacro %}
{% macro spark__month_series(first, last) -%}
    explode(sequence({{ first }}, {{ last }}, interval 1 month))
{%- endmacro %}

{#- A moment as one number. -#}
{% macro microseconds(moment) -%} {{ return(adapter.dispatch("microseconds")(moment)) }} {%- endmacro %}
{% macro default__microseconds(moment) -%} epoch_us({{ moment }}) {%- endmacro %}
{% macro spark__microseconds(moment) -%} unix_micros(cast({{ moment }} as timestamp_ltz)) {%- endmacro %}
