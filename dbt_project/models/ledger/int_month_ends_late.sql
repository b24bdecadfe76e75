-- One row per account and month end in scope at which an item was late, evaluated in the reading of
-- that month and as known at this run's cut-off. Late at the end of a day: due more than the grace
-- days before and not paid off by then (contracts, section 2, rule 7).
with items as (
    select
        items.account_id,
        items.reading_no,
        items.due_on,
        items.late_from,
        items.paid_off_at,
        accounts.report_month as newest_month,
        accounts.report_date as newest_report_date,
        greatest({{ month_start('items.late_from') }}, accounts.month_ends_from) as first_month,
        least(
            coalesce({{ month_start('cast(items.paid_off_at as date)') }}, accounts.report_month),
            accounts.report_month
        ) as last_month
    from {{ ref('int_items_followed') }} as items
    inner join {{ ref('int_accounts_read') }} as accounts
        on items.account_id = accounts.account_id
    where
        items.paid_off_at is null
        or items.paid_off_at >= cast(items.late_from as timestamp)
),

item_months as (
    select
        *,
        {{ month_series('first_month', 'last_month') }} as month
    from items
    where first_month <= last_month
),

at_month_end as (
    select
        item_months.*,
        case
            when item_months.month = item_months.newest_month
                then item_months.newest_report_date
            else last_day(item_months.month)
        end as report_date
    from item_months
    inner join {{ ref('int_ledger_versions') }} as versions
        on item_months.reading_no = versions.reading_no
        and item_months.month >= versions.valid_from_month
        and item_months.month < versions.valid_before_month
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
