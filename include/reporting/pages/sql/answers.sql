-- What the bureau said of the records of the run.
select
    count(*) filter (where state = 'ACCEPTED') as accepted,
    count(*) filter (where state = 'REJECTED') as rejected,
    count(*) filter (where state = 'RELEASED') as unanswered
from marts.submission_records
where
    report_month = $month
    and as_of = $as_of;
