-- One row per busy period of a reading that may matter at a month end: something in it could be
-- late, or it is open at the end of the reading, or it holds a bill due later. Periods that ended
-- before any of their items could be late were paid in time and are left out.
with periods as (
    select
        reading_no,
        busy_period,
        min(happened_at) as started_at,
        min(open_amount) > 0 as is_open,
        min(case when open_amount = 0 then happened_at end) as ended_at,
        min(late_from) as first_late_from,
        max(due_on) as last_due_on
    from {{ ref('int_ledger_walked') }}
    group by reading_no, busy_period
),

judged as (
    select
        reading_no,
        busy_period,
        started_at,
        is_open or coalesce(ended_at >= cast(first_late_from as timestamp), false) as is_followed,
        is_open or coalesce(last_due_on > {{ report_month_end() }}, false) as is_unfinished
    from periods
)

select *
from judged
where is_followed or is_unfinished
