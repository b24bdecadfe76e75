-- One row per account of the population and report month: the repayment statuses actually sent
-- about the last 24 and 60 months, oldest first, one character per month, '-' where none was sent
-- (contracts, section 4). Made from the strings of the month before, shifted by one month, and
-- from what this run sent; a pending month sent now is filled in further back. A record counts for
-- the month of its report date.
{{ config(materialized='view') }}

with run as (
    select
        report_month,
        is_supplement
    from {{ source('run', 'built_months') }}
),

sent as (  -- of several records about one month, the one sent last
    select
        records.account_id,
        date_diff('month', records.report_date, run.report_month) as months_ago,
        max_by(records.repayment_status, records.report_date) as status
    from {{ ref('submission_records') }} as records
    cross join run
    where
        records.record_type = '210'
        and records.state in {{ sent_states() }}
    group by all
),

before as (
    select * from {{ source('history', 'repayment_history') }}
    union all
    select * from {{ ref('int_repayment_history_rebuilt') }}
),

moved as (
    select
        population.report_month,
        population.account_id,
        case
            -- a supplement is about the month that its predecessor ended with
            when run.is_supplement
                then concat(
                    left(coalesce(before.history_60, repeat('-', 60)), 59),
                    coalesce(sent.status, right(before.history_60, 1), '-')
                )
            else concat(
                substr(coalesce(before.history_60, repeat('-', 60)), 2),
                coalesce(sent.status, '-')
            )
        end as history
    from {{ ref('reportable_population') }} as population
    inner join run
        on population.report_month = run.report_month
    left join before
        on population.account_id = before.account_id
    left join sent
        on population.account_id = sent.account_id
        and sent.months_ago = 0
),

late as (
    select *
    from sent
    where months_ago between 1 and 59
),

accounts_late as (
    select distinct account_id from late
),

filled as (
    select
        moved.account_id,
        string_agg(
            coalesce(late.status, substr(moved.history, 60 - places.months_ago, 1)), ''
            order by places.months_ago desc
        ) as history
    from moved
    inner join accounts_late
        on moved.account_id = accounts_late.account_id
    cross join range(60) as places (months_ago)
    left join late
        on moved.account_id = late.account_id
        and places.months_ago = late.months_ago
    group by moved.account_id
)

select
    moved.report_month,
    moved.account_id,
    right(coalesce(filled.history, moved.history), 24) as history_24,
    coalesce(filled.history, moved.history) as history_60
from moved
left join filled
    on moved.account_id = filled.account_id
