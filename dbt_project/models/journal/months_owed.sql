-- One row per account and month that is pending after this run. A month is pending when it is
-- reportable or waits for a notice and was not sent, also since an earlier run; or when an account
-- reported the month before is missing from the data, because its row or its customer's is
-- quarantined: the verdict on an account of a customer in quarantine is about no one yet. The next
-- run evaluates these months again. A supplement adds none (life cycle, section 5). Not pending are
-- months before a new authorization (contracts, section 3), months in which a corrected account was
-- not open, and adverse months whose episode ended more than five years ago (REQ-21).
with run as (
    select
        report_month,
        is_supplement
    from {{ source('run', 'built_months') }}
),

reported_last as (
    select account_id
    from {{ source('history', 'accounts_known') }}
    where
        state <> 'WITHHELD'
        and last_report_date >= (select run.report_month - interval 1 month from run)
    group by account_id
    having not bool_or(was_closed)
    union
    select account_id
    from {{ source('history', 'months_owed') }}
    where owed_month = (select run.report_month - interval 1 month from run)
),

customers_quarantined as (
    select known_customer_id as customer_id
    from {{ ref('known_customers') }}
    where standing = 'quarantined'
),

judged as (
    select population.account_id
    from {{ ref('reportable_population') }} as population
    anti join customers_quarantined
        on population.customer_id = customers_quarantined.customer_id
        and population.reason_code = 'IDENTITY_INVALID'
    where population.report_month = (select run.report_month from run)
),

months as (
    select
        account_id,
        owed_month
    from {{ source('history', 'months_owed') }}
    union
    select
        reported_last.account_id,
        (select run.report_month from run) as owed_month
    from reported_last
    anti join judged
        on reported_last.account_id = judged.account_id
    where not (select run.is_supplement from run)
    union
    select
        account_id,
        report_month as owed_month
    from {{ ref('reportable_population') }}
    where
        report_month = (select run.report_month from run)
        and reason_code in ('REPORTED', 'NOTICE_PENDING')
        and not (select run.is_supplement from run)
),

records as (
    select
        account_id,
        cast(date_trunc('month', report_date) as date) as month,
        state,
        rule_ids
    from {{ ref('submission_records') }}
    where record_type = '210'
),

today as (
    select
        account_id,
        signed_at
    from {{ ref('int_authorizations_at_report_date') }}
    where report_month = (select run.report_month from run)
)

select
    run.report_month,
    months.account_id,
    months.owed_month,
    population.customer_id,
    population.product_code,
    population.reporter_code,
    population.report_date,
    case
        when records.state = 'WITHHELD' then 'WITHHELD'
        else coalesce(population.reason_code, 'ACCOUNT_NOT_IN_THE_DATA')
    end as held_back_by,
    records.rule_ids,
    population.episode_started_on
from months
cross join run
left join {{ ref('reportable_population') }} as population
    on months.account_id = population.account_id
    and months.owed_month = population.report_month
left join records
    on months.account_id = records.account_id
    and months.owed_month = records.month
left join today
    on months.account_id = today.account_id
where
    coalesce(records.state <> 'BUILT', true)
    and coalesce(
        population.reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER', 'ADVERSE_TOO_OLD'), true
    )
    and coalesce(today.signed_at < cast(population.report_date as timestamp) + interval 1 day, true)
