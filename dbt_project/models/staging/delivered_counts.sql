-- One row per raw table: how many rows were delivered, and how many of them after the cut-off. Each
-- is counted by itself: the first stands in the files' footers, and of the second most are skipped.
{{ config(materialized='table') }}

{% for table in raw_tables() -%}
select
    '{{ table }}' as table_name,
    every_row.delivered,
    late_row.after_cut_off
from (select count(*) as delivered from {{ source('raw', table) }}) as every_row
cross join (
    select count(*) as after_cut_off
    from {{ source('raw', table) }}
    where recorded_at > {{ as_of() }}
) as late_row
{{ 'union all' if not loop.last }}
{% endfor %}
