-- One row per account of the population and report month: the repayment statuses actually sent about
-- the last 24 and 60 months, oldest first, one character per month, '-' where none was sent
-- (contracts, section 4). Made from the strings of the month before, shifted by one month, and from
-- what this run sent; a pending month sent now is filled in further back. A record counts for the
-- month of its report date.
{{ config(materialized='view') }}

with run as (
    select report_month from {{ source('run', 'built_months') }}
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
        and records.state in ('BUILT', 'RELEASED', 'ACCEPTED')
    group by all
),

new_statuses as (
    select
        account_id,
        max(case when months_ago = 0 then status end) as status,
        list(lpad(months_ago::varchar, 2, '0') || status) filter (where months_ago between 1 and 59)
            as late
    from sent
    group by account_id
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
        substr(coalesce(before.history_60, repeat('-', 60)), 2)
        || coalesce(new_statuses.status, '-') as history,
        new_statuses.late
    from {{ ref('reportable_population') }} as population
    inner join run
        on population.report_month = run.report_month
    left join before
        on population.account_id = before.account_id
    left join new_statuses
        on population.account_id = new_statuses.account_id
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
