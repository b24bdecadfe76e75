-- Months that are reportable, or wait for their notice, and are not sent yet.
select
    held_back_by,
    count(*) as months,
    count(distinct account_id) as accounts,
    min(owed_month) as since
from marts.months_owed
where report_month = $month
group by held_back_by
order by months desc, held_back_by;
