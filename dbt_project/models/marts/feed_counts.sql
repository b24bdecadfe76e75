-- One row per report month and raw table: how many rows were delivered and where each went; the
-- places add up. Rows without a question are good or after the cut-off.
with screened as (
    {%- for table in raw_tables() %}
    select
        '{{ table }}' as table_name,
        count(case when place = 'duplicate' then 1 end) as duplicates,
        count(case when place = 'superseded' then 1 end) as superseded,
        count(case when place = 'after_cut_off' then 1 end) as after_cut_off,
        count(case when place = 'quarantined' then 1 end) as quarantined
    from {{ screened_rows(table) }} as screened
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    {{ report_month() }} as report_month,
    counted.table_name,
    counted.delivered,
    counted.delivered - counted.after_cut_off - screened.duplicates - screened.superseded
    - screened.after_cut_off - screened.quarantined as good,
    screened.duplicates,
    screened.superseded,
    counted.after_cut_off + screened.after_cut_off as after_cut_off,
    screened.quarantined
from {{ ref('delivered_counts') }} as counted
inner join screened
    on counted.table_name = screened.table_name
