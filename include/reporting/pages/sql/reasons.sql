-- Accounts by the rule that decided, beside the month before.
select
    reason_code,
    count(*) filter (where report_month = $month) as accounts,
    count(*) filter (where report_month = $before) as accounts_before
from marts.reportable_population
where report_month in ($month, $before)
group by reason_code
order by accounts desc, reason_code;
