-- Accounts by status at the end of the month before and of this month; null: not open then.
select
    earlier.repayment_status as status_before,
    later.repayment_status as status_now,
    count(*) as accounts
from (from marts.repayment_status where report_month = $before) as earlier
full join (from marts.repayment_status where report_month = $month) as later
    on earlier.account_id = later.account_id
group by all
order by all;
