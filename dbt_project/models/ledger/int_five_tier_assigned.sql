-- One row per account that was ever adverse: its five-tier class at the report date and the day it
-- was assigned (contracts, section 2, rule 10). Worse or partly better: the report date of that
-- month. Back to 1: the day the last late item was paid, as that month's reading has it (its report
-- date where no late item was ever paid, such as a penalty that was taken back).
with latest as (
    select
        account_id,
        max(month) as last_adverse_month,
        max_by(five_tier_class, month) as last_class,
        max(case
            when coalesce(follows_adverse, false) and class_before = five_tier_class then null
            else report_date
        end) as last_changed_on
    from {{ ref('int_month_ends_adverse') }}
    group by account_id
),

recovered as (
    select
        latest.account_id,
        latest.last_adverse_month,
        {{ add_months('latest.last_adverse_month', 1) }} as recovery_month,
        accounts.report_date
    from latest
    inner join {{ ref('int_accounts_open') }} as accounts
        on latest.account_id = accounts.account_id
    where latest.last_adverse_month < {{ report_month() }}
),

last_payments as (
    select
        recovered.account_id,
        max(cast(items.paid_off_at as date)) as paid_off_on
    from recovered
    inner join {{ ref('int_ledger_versions') }} as versions
        on recovered.account_id = versions.account_id
        and recovered.recovery_month >= versions.valid_from_month
        and recovered.recovery_month < versions.valid_before_month
    inner join {{ ref('int_items_followed') }} as items
        on versions.account_id = items.account_id
        and versions.valid_from_month = items.valid_from_month
        and items.paid_off_at >= cast(items.late_from as timestamp)
        and items.paid_off_at < cast({{ add_months('recovered.recovery_month', 1) }} as timestamp)
    group by recovered.account_id
)

select
    latest.account_id,
    case when recovered.account_id is null then latest.last_class else '1' end as five_tier_class,
    case
        when recovered.account_id is null then latest.last_changed_on
        else coalesce(
            last_payments.paid_off_on,
            least(last_day(recovered.recovery_month), recovered.report_date)
        )
    end as five_tier_assigned_on
from latest
left join recovered
    on latest.account_id = recovered.account_id
left join last_payments
    on latest.account_id = last_payments.account_id
