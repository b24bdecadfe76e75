-- One row per report month and raw table: how many rows were delivered and where each went; the
-- places add up. Rows without a question are good or after the cut-off.
with questioned as (
    {%- for table in raw_tables() %}
    select
        '{{ table }}' as table_name,
        count(case when place = 'duplicate' then 1 end) as duplicates,
        count(case when place = 'superseded' then 1 end) as superseded,
        count(case when place = 'after_cut_off' then 1 end) as after_cut_off,
        count(case when place = 'quarantined' then 1 end) as quarantined
    from {{ questioned_rows(table) }} as questioned
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    {{ report_month() }} as report_month,
    counted.table_name,
    counted.delivered,
    counted.delivered - counted.after_cut_off - questioned.duplicates - questioned.superseded
    - questioned.after_cut_off - questioned.quarantined as good,
    questioned.duplicates,
    questioned.superseded,
    counted.after_cut_off + questioned.after_cut_off as after_cut_off,
    questioned.quarantined
from {{ ref('delivered_counts') }} as counted
inner join questioned
    on counted.table_name = questioned.table_name
