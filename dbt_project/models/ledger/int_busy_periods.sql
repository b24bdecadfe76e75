-- One row per busy period of a reading that may matter at a month end: something in it could be
-- late, or it is open at the end of the reading, or it holds a bill due later. Periods that ended
-- before any of their items could be late were paid in time and are left out.
select
    reading_no,
    busy_period,
    min(happened_at) as started_at,
    min(open_amount) > 0
    or coalesce(max(happened_at) >= cast(min(late_from) as timestamp), false) as is_followed,
    min(open_amount) > 0 or coalesce(max(due_on) > {{ report_month_end() }}, false)
        as is_unfinished
from {{ ref('int_ledger_walked') }}
group by reading_no, busy_period
having
    min(open_amount) > 0
    or max(happened_at) >= cast(min(late_from) as timestamp)
    or max(due_on) > {{ report_month_end() }}
