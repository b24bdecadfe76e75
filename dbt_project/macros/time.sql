{#- The run's only notions of time: the report month and the cut-off. -#}

{% macro report_month() -%} date '{{ var("report_month") }}' {%- endmacro %}

{% macro report_month_end() -%}
    {%- set first = modules.datetime.date.fromisoformat(var("report_month")) -%}
    {%- set next = (first.replace(day=28) + modules.datetime.timedelta(days=4)).replace(day=1) -%}
    date '{{ next - modules.datetime.timedelta(days=1) }}'
{%- endmacro %}

{% macro as_of() -%} timestamp '{{ var("as_of") }}' {%- endmacro %}

{#- True for a row recorded after the cut-off: it does not exist for this run. A moment of recording
    beyond 2099 says nothing of the kind: such a row is there and is quarantined. -#}
{% macro is_recorded_later(of='') -%}
    ({{ of }}recorded_at > {{ as_of() }} and {{ of }}recorded_at < timestamp '2100-01-01')
{%- endmacro %}

{#- True for a row that says when it was recorded, by a moment that can be. -#}
{% macro says_when_recorded(of='') -%}
    coalesce(
        {{ of }}recorded_at >= timestamp '1901-01-01'
        and {{ of }}recorded_at < timestamp '2100-01-01',
        false
    )
{%- endmacro %}

{#- Start of the day after a date, as the exclusive end of that day. -#}
{% macro day_after(day) -%} cast({{ day }} as timestamp) + interval 1 day {%- endmacro %}

{% macro month_start(day) -%} cast(date_trunc('month', {{ day }}) as date) {%- endmacro %}

{#- The month of a date as YYYY-MM. -#}
{% macro month_text(day) -%} left(cast({{ day }} as {{ dbt.type_string() }}), 7) {%- endmacro %}

{#- A date, and its month, as they are written in Chinese: 2026年5月31日, 2026年5月. -#}
{% macro month_in_chinese(day) -%}
    concat(
        cast(extract(year from {{ day }}) as {{ dbt.type_string() }}),
        '年',
        cast(extract(month from {{ day }}) as {{ dbt.type_string() }}),
        '月'
    )
{%- endmacro %}
{% macro day_in_chinese(day) -%}
    concat(
        {{ month_in_chinese(day) }},
        cast(extract(day from {{ day }}) as {{ dbt.type_string() }}),
        '日'
    )
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
