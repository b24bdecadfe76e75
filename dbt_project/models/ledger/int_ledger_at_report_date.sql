-- One row per open account and month that is read: the amounts of its ledger at the report date, at
-- the end of that month's reading, before any verdict (contracts, section 2, rules 6 to 8). balance
-- is the principal owed, a sum never cut at zero on the way.
-- Long, because the amounts of an account come from five relations and are cut off at one date.
with accounts as (
    select * from {{ ref('int_accounts_open') }}
),

spending as (
    select
        account_id,
        read_month,
        sum(spent) as spent,
        sum(drawn) as drawn
    from {{ ref('int_spending') }}
    where read_month is not null
    group by account_id, read_month
),

paid as (
    select
        versions.account_id,
        versions.read_month,
        sum(case
            when payments.occurred_at >= cast(versions.read_month as timestamp)
                then payments.amount
            else 0
        end) as amount_paid,
        cast(max(payments.occurred_at) as date) as last_paid_on
    from {{ ref('int_payments_effective') }} as payments
    inner join {{ ref('int_ledger_versions') }} as versions
        on payments.reading_no = versions.reading_no
    where
        versions.read_month is not null
        and payments.transaction_type = 'repayment'
    group by versions.account_id, versions.read_month
),

billed as (
    select
        accounts.account_id,
        accounts.report_month,
        sum(case
            when bills.statement_on <= accounts.report_date then bills.principal_asked
            else 0
        end) as principal_billed,
        sum(case
            when
                bills.statement_on <= accounts.report_date
                and bills.due_on between accounts.report_month and accounts.report_date
                then bills.fee_asked + bills.interest_asked + bills.principal_asked
            else 0
        end) as amount_due,
        count(distinct case when bills.due_on > accounts.report_date then bills.due_on end)
            as due_dates_ahead,
        max(bills.due_on) as last_due_on,
        max(bills.period_count) as period_count,
        count(*) as bills_known
    from {{ ref('int_bills_due') }} as bills
    inner join accounts
        on bills.account_id = accounts.account_id
    group by accounts.account_id, accounts.report_month
),

walked as (
    select
        versions.account_id,
        versions.read_month,
        max_by(walked.open_amount, walked.entry_number) as open_amount,
        max_by(walked.due_less_paid, walked.entry_number) as due_less_paid
    from {{ ref('int_ledger_walked') }} as walked
    inner join {{ ref('int_ledger_versions') }} as versions
        on walked.reading_no = versions.reading_no
    where versions.read_month is not null
    group by versions.account_id, versions.read_month
),

items_read as (
    select
        items.*,
        accounts.report_month,
        accounts.report_date,
        {{ days_between('accounts.report_date', 'items.due_on') }} as age,
        items.late_from <= accounts.report_date as is_late
    from {{ ref('int_items_followed') }} as items
    inner join {{ ref('int_ledger_versions') }} as versions
        on items.reading_no = versions.reading_no
    inner join accounts
        on versions.account_id = accounts.account_id
        and versions.read_month = accounts.report_month
),

unpaid as (
    select
        account_id,
        report_month,
        sum(case when part = 'principal' then unpaid_amount else 0 end) as principal_unpaid,
        sum(case when part <> 'principal' then unpaid_amount else 0 end) as charges_unpaid,
        max(case when is_late then 1 else 0 end) = 1 as has_late,
        min(case when is_late then due_on end) as oldest_unpaid_due_on,
        min(case when is_late and part = 'principal' and unpaid_amount >= 1 then due_on end)
            as oldest_late_principal_on,
        count(distinct case when is_late and part <> 'penalty' then due_on end) as late_due_dates,
        sum(case
            when is_late or (part = 'penalty' and due_on = report_date) then unpaid_amount
            else 0
        end) as overdue_total,
        {%- for name, from_age, to_age in [
            ('overdue_principal_31_60', 31, 60),
            ('overdue_principal_61_90', 61, 90),
            ('overdue_principal_91_180', 91, 180),
            ('overdue_principal_over_180', 181, 9999999),
        ] %}
        sum(case
            when is_late and part = 'principal' and age between {{ from_age }} and {{ to_age }}
                then unpaid_amount
            else 0
        end) as {{ name }},
        {%- endfor %}
        sum(case when is_late and part = 'principal' then unpaid_amount else 0 end)
            as overdue_principal
    from items_read
    where unpaid_amount > 0
    group by account_id, report_month
),

late_in_month as (  -- late on some day from the eve of the month to the report date
    select distinct
        account_id,
        report_month
    from items_read
    where
        is_late
        and (
            paid_off_at is null
            or (
                paid_off_at >= cast(late_from as timestamp)
                and paid_off_at >= cast(report_month as timestamp)
            )
        )
)

select
    accounts.account_id,
    accounts.report_month,
    coalesce(spending.spent, 0) + coalesce(opening.spent, 0) as spent,
    coalesce(spending.drawn, 0) + coalesce(opening.drawn, 0) as drawn,
    cast(
        coalesce(spending.spent, 0) + coalesce(opening.spent, 0)
        - coalesce(billed.principal_billed, 0) - coalesce(opening.principal_billed, 0)
        + coalesce(unpaid.principal_unpaid, 0)
        - coalesce(walked.open_amount - walked.due_less_paid, 0)
        as decimal(18, 2)
    ) as balance,
    coalesce(unpaid.principal_unpaid, 0) as principal_unpaid,
    coalesce(unpaid.charges_unpaid, 0) as charges_unpaid,
    coalesce(billed.amount_due, 0) as amount_due,
    coalesce(paid.amount_paid, 0) as amount_paid,
    coalesce(paid.last_paid_on, opening.last_paid_on) as last_paid_on,
    coalesce(billed.due_dates_ahead, 0) as due_dates_ahead,
    {{ greater_known('billed.last_due_on', 'opening.last_due_on') }} as last_due_on,
    {{ greater_known('billed.period_count', 'opening.period_count') }} as period_count,
    coalesce(billed.bills_known, 0) + coalesce(opening.bills_known, 0) as bills_known,
    coalesce(unpaid.has_late, false) as has_late,
    late_in_month.account_id is not null as was_late_in_month,
    unpaid.oldest_unpaid_due_on,
    unpaid.oldest_late_principal_on,
    coalesce(unpaid.late_due_dates, 0) as late_due_dates,
    case when unpaid.has_late then unpaid.overdue_total else 0 end as overdue_total,
    coalesce(unpaid.overdue_principal, 0) as overdue_principal,
    coalesce(unpaid.overdue_principal_31_60, 0) as overdue_principal_31_60,
    coalesce(unpaid.overdue_principal_61_90, 0) as overdue_principal_61_90,
    coalesce(unpaid.overdue_principal_91_180, 0) as overdue_principal_91_180,
    coalesce(unpaid.overdue_principal_over_180, 0) as overdue_principal_over_180
from accounts
left join {{ ref('accounts_brought_forward') }} as opening
    on accounts.account_id = opening.account_id
left join spending
    on accounts.account_id = spending.account_id
    and accounts.report_month = spending.read_month
left join paid
    on accounts.account_id = paid.account_id
    and accounts.report_month = paid.read_month
left join billed
    on accounts.account_id = billed.account_id
    and accounts.report_month = billed.report_month
left join walked
    on accounts.account_id = walked.account_id
    and accounts.report_month = walked.read_month
left join unpaid
    on accounts.account_id = unpaid.account_id
    and accounts.report_month = unpaid.report_month
left join late_in_month
    on accounts.account_id = late_in_month.account_id
    and accounts.report_month = late_in_month.report_month
