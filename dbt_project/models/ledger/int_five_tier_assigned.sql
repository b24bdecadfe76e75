-- One row per account and month that is read, if the account was adverse by then: its five-tier
-- class at the report date and the day it was assigned (contracts, section 2, rule 10). Worse or
-- partly better: the report date of that month. Back to 1: the day the last late item was paid, as
-- that month's reading has it (its report date where no late item was ever paid, such as a penalty
-- that was taken back).
with latest as (
    select
        accounts.account_id,
        accounts.report_month,
        accounts.report_date,
        max(adverse.month) as last_adverse_month,
        max_by(adverse.five_tier_class, adverse.month) as last_class,
        max(case
            when
                coalesce(adverse.follows_adverse, false)
                and adverse.class_before = adverse.five_tier_class
                then null
            else adverse.report_date
        end) as last_changed_on
    from {{ ref('int_month_ends_adverse') }} as adverse
    inner join {{ ref('int_accounts_open') }} as accounts
        on adverse.account_id = accounts.account_id
        and adverse.month <= accounts.report_month
    group by accounts.account_id, accounts.report_month, accounts.report_date
),

recovered as (
    select
        account_id,
        report_month,
        report_date,
        {{ add_months('last_adverse_month', 1) }} as recovery_month
    from latest
    where last_adverse_month < report_month
),

last_payments as (
    select
        recovered.account_id,
        recovered.report_month,
        max(cast(items.paid_off_at as date)) as paid_off_on
    from recovered
    inner join {{ ref('int_ledger_versions') }} as versions
        on recovered.account_id = versions.account_id
        and recovered.recovery_month >= versions.valid_from_month
        and recovered.recovery_month < versions.valid_before_month
    inner join {{ ref('int_items_followed') }} as items
        on versions.reading_no = items.reading_no
        and items.paid_off_at >= cast(items.late_from as timestamp)
        and items.paid_off_at < cast({{ add_months('recovered.recovery_month', 1) }} as timestamp)
    group by recovered.account_id, recovered.report_month
)

select
    latest.account_id,
    latest.report_month,
    case when recovered.account_id is null then latest.last_class else '1' end as five_tier_class,
    case
        when recovered.account_id is null then latest.last_changed_on
        else coalesce(
            opening.recovered_on,
            last_payments.paid_off_on,
            least(last_day(recovered.recovery_month), recovered.report_date)
        )
    end as five_tier_assigned_on
from latest
left join {{ ref('accounts_brought_forward') }} as opening
    on latest.account_id = opening.account_id
left join recovered
    on latest.account_id = recovered.account_id
    and latest.report_month = recovered.report_month
left join last_payments
    on latest.account_id = last_payments.account_id
    and latest.report_month = last_payments.report_month
