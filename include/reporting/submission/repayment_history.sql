-- One row per account of the population and report month: the repayment statuses that were really
-- sent about the last 24 and 60 months, oldest first, one character a month, '-' where none was
-- (contracts, section 4). What a record is about is the month of its report date.
with run as (
    select report_month from marts.built_months
),

records as (
    select
        account_id,
        record_type,
        state,
        report_month,
        report_date,
        repayment_status
    from history.submission_records
    union all
    select
        account_id,
        record_type,
        state,
        report_month,
        report_date,
        repayment_status
    from marts.submission_records
),

sent as (  -- of several records about one month, the one sent last
    select
        records.account_id,
        date_diff('month', records.report_date, run.report_month) as months_ago,
        max_by(records.repayment_status, (records.report_month, records.report_date)) as status
    from records
    cross join run
    where
        records.record_type = '210'
        and records.state in ('BUILT', 'RELEASED', 'ACCEPTED')
    group by records.account_id, months_ago
),

parts as (  -- each status with the dashes of the silent months before it
    select
        account_id,
        months_ago,
        repeat('-', lag(months_ago, 1, 60) over (
            partition by account_id
            order by months_ago desc
        ) - months_ago - 1) || status as part
    from sent
    where months_ago between 0 and 59
),

histories as (
    select
        account_id,
        string_agg(part, '' order by months_ago desc) || repeat('-', min(months_ago)) as history
    from parts
    group by account_id
)

select
    population.report_month,
    population.account_id,
    right(coalesce(histories.history, repeat('-', 60)), 24) as history_24,
    coalesce(histories.history, repeat('-', 60)) as history_60
from marts.reportable_population as population
inner join run
    on population.report_month = run.report_month
left join histories
    on population.account_id = histories.account_id
