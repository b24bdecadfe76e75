-- One row per raw table: how many rows were delivered, and how many of them after the cut-off. Each
-- is counted by itself: the first stands in the files' footers, and of the second most are skipped.
{{ config(materialized='table') }}

with every_row as (
    {%- for table in raw_tables() %}
    select
        '{{ table }}' as table_name,
        count(*) as delivered
    from {{ source('raw', table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

late_rows as (
    {%- for table in raw_tables() %}
    select
        '{{ table }}' as table_name,
        count(*) as after_cut_off
    from {{ source('raw', table) }}
    where {{ is_recorded_later() }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    every_row.table_name,
    every_row.delivered,
    late_rows.after_cut_off
from every_row
inner join late_rows
    on every_row.table_name = late_rows.table_name
