-- One row per account and month end at which something was late, each month end in the reading of
-- its own month, as known at this run's cut-off. Late at the end of a day: due more than the grace
-- days before and not paid off by then (contracts, section 2, rule 7).
with items as (
    select
        *,
        {{ month_start('late_from') }} as first_month,
        least(
            coalesce({{ month_start('cast(paid_off_at as date)') }}, {{ report_month() }}),
            {{ report_month() }}
        ) as last_month
    from {{ ref('int_items_followed') }}
    where paid_off_at is null or paid_off_at >= cast(late_from as timestamp)
),

item_months as (
    select
        *,
        cast({{ month_series('first_month', 'last_month') }} as date) as month
    from items
    where first_month <= last_month
),

at_month_end as (
    select
        item_months.*,
        case
            when item_months.month = {{ report_month() }} then accounts.report_date
            else last_day(item_months.month)
        end as report_date
    from item_months
    inner join {{ ref('int_ledger_versions') }} as versions
        on item_months.account_id = versions.account_id
        and item_months.valid_from_month = versions.valid_from_month
        and item_months.month >= versions.valid_from_month
        and item_months.month < versions.valid_before_month
    inner join {{ ref('int_accounts_open') }} as accounts
        on item_months.account_id = accounts.account_id
)

select
    account_id,
    month,
    report_date,
    min(due_on) as oldest_unpaid_due_on,
    {{ days_between('report_date', 'min(due_on)') }} as days_past_due
from at_month_end
where
    late_from <= report_date
    and (paid_off_at is null or paid_off_at >= {{ day_after('report_date') }})
group by account_id, month, report_date
