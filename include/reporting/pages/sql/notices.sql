-- Advance notices to send, and the first day on which their months may be reported.
select
    count(*) as notices,
    min(earliest_report_on) as earliest_report_on
from marts.notices_due
where report_month = $month
having count(*) > 0;
