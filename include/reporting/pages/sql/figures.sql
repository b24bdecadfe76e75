-- The five figures of the run, and of the own runs of the two months before. An amount is summed
-- over the records about the month itself: a run also sends pending months, of the same accounts.
select
    report_month,
    count(distinct subject_id) filter (where record_type = '210' and state <> 'WITHHELD')
        as reported,
    coalesce(
        sum(overdue_total) filter (
            where record_type = '210' and state <> 'WITHHELD' and report_date >= report_month
        ),
        0
    ) as overdue_total,
    count(*) filter (
        where record_type = '210' and state <> 'WITHHELD' and report_date_code in ('10', '31', '32')
    ) as first_reports,
    count(*) filter (
        where record_type = '210' and state <> 'WITHHELD' and report_date_code in ('20', '32')
    ) as closings,
    count(*) filter (where state = 'WITHHELD') as withheld
from marts.submission_records
where
    (report_month = $month and as_of = $as_of)
    or (report_month in ($before, $two_before) and not is_supplement)
group by report_month
order by report_month desc;
