-- Every adverse month end so far of an account carried forward with a ledger.
select
    adverse.account_id,
    adverse.month,
    adverse.report_date,
    adverse.oldest_unpaid_due_on,
    adverse.days_past_due,
    adverse.written_off_on,
    adverse.is_written_off
from {{ ref('int_month_ends_adverse') }} as adverse
inner join {{ ref('int_carried_from') }} as carried
    on adverse.account_id = carried.account_id
    and carried.reading_no is not null
