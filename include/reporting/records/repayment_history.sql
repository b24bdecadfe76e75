-- One row per account of the population and report month: the repayment statuses that were really
-- sent about the last 24 and 60 months, oldest first, one character a month, '-' where none was
-- (contracts, section 4). The strings of the month before, one month on, with what this run sent: a
-- record of an owed month stands further back. What a record is about is the month of its report date.
with run as (
    select report_month from marts.built_months
),

told as (  -- of several records about one month, the one sent last
    select
        records.account_id,
        date_diff('month', records.report_date, run.report_month) as months_ago,
        max_by(records.repayment_status, records.report_date) as status
    from marts.submission_records as records
    cross join run
    where
        records.record_type = '210'
        and records.state in ('BUILT', 'RELEASED', 'ACCEPTED')
    group by all
),

news as (
    select
        account_id,
        max(case when months_ago = 0 then status end) as status,
        list(lpad(months_ago::varchar, 2, '0') || status) filter (where months_ago between 1 and 59)
            as late
    from told
    group by account_id
),

before as (
    select * from history.repayment_history
    union all
    select * from history.repayment_history_anew
),

moved as (
    select
        population.report_month,
        population.account_id,
        substr(coalesce(before.history_60, repeat('-', 60)), 2) || coalesce(news.status, '-')
            as history,
        news.late
    from marts.reportable_population as population
    inner join run
        on population.report_month = run.report_month
    left join before
        on population.account_id = before.account_id
    left join news
        on population.account_id = news.account_id
),

histories as (
    select
        report_month,
        account_id,
        case
            when late is null then history
            else list_reduce(
                list_prepend(history, late),
                lambda text, one: left(text, 59 - left(one, 2)::integer)
                || right(one, 1)
                || right(text, left(one, 2)::integer)
            )
        end as history
    from moved
)

select
    report_month,
    account_id,
    right(history, 24) as history_24,
    history as history_60
from histories
