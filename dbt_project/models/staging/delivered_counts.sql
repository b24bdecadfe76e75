-- One row per raw table: how many rows were delivered, and how many of them after the cut-off.
{{ config(materialized='table') }}

{% for table in raw_tables() -%}
select
    '{{ table }}' as table_name,
    count(*) as delivered,
    count(case when recorded_at > {{ as_of() }} then 1 end) as after_cut_off
from {{ source('raw', table) }}
{{ 'union all' if not loop.last }}
{% endfor %}
