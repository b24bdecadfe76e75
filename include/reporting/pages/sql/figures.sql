-- The five figures of the run, and of the own runs of the two months before.
select
    report_month,
    reported,
    overdue_total,
    first_reports,
    closings,
    withheld
from marts.run_figures
where
    (report_month = $month and as_of = $as_of)
    or (report_month in ($before, $two_before) and not is_supplement)
order by report_month desc;
