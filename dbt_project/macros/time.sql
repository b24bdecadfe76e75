{#- The run's only notions of time: the report month and the cut-off. -#}

{% macro report_month() -%} date '{{ var("report_month") }}' {%- endmacro %}

{% macro report_month_end() -%}
    {%- set first = modules.datetime.date.fromisoformat(var("report_month")) -%}
    {%- set next = (first.replace(day=28) + modules.datetime.timedelta(days=4)).replace(day=1) -%}
    date '{{ next - modules.datetime.timedelta(days=1) }}'
{%- endmacro %}

{% macro as_of() -%} timestamp '{{ var("as_of") }}' {%- endmacro %}

{#- Start of the day after a date, as the exclusive end of that day. -#}
{% macro day_after(day) -%} cast({{ day }} as timestamp) + interval 1 day {%- endmacro %}

{% macro month_start(day) -%} cast(date_trunc('month', {{ day }}) as date) {%- endmacro %}

{#- The month of a date as YYYY-MM. -#}
{% macro month_text(day) -%} left(cast({{ day }} as {{ dbt.type_string() }}), 7) {%- endmacro %}

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

{#- Calendar months from the month of one date to that of another, whatever the days. -#}
{% macro months_between(earlier, later) -%}
    cast(
        (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + extract(month from {{ later }}) - extract(month from {{ earlier }})
        as integer
    )
{%- endmacro %}

{#- The greater of two values, of which either may be unknown. -#}
{% macro greater_known(one, other) -%}
    greatest(coalesce({{ one }}, {{ other }}), coalesce({{ other }}, {{ one }}))
{%- endmacro %}

{#- A moment as one number. -#}
{% macro microseconds(moment) -%} {{ return(adapter.dispatch("microseconds")(moment)) }} {%- endmacro %}
{% macro default__microseconds(moment) -%} epoch_us({{ moment }}) {%- endmacro %}
{% macro spark__microseconds(moment) -%} unix_micros(cast({{ moment }} as timestamp_ltz)) {%- endmacro %}
