-- One row per report month and raw table: how many rows were delivered and where each went; the
-- places add up.
{% for table in raw_tables() %}
select
    {{ report_month() }} as report_month,
    '{{ table }}' as table_name,
    count(*) as delivered,
    count(case when place = 'good' then 1 end) as good,
    count(case when place = 'duplicate' then 1 end) as duplicates,
    count(case when place = 'superseded' then 1 end) as superseded,
    count(case when place = 'after_cut_off' then 1 end) as after_cut_off,
    count(case when place = 'quarantined' then 1 end) as quarantined
from {{ ref('landed_' ~ table) }}
{{ 'union all' if not loop.last }}
{% endfor %}
