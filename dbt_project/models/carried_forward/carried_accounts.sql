-- One row per account that the next month can take up where this one leaves it: as sums (amounts in
-- CNY) what was paid and billed before carried_from and what was spent by the month's end. Of a
-- closed account no one asks for them again.
with left_over as (
    select
        carried.account_id,
        -max_by(walked.due_less_paid, walked.entry_number) as left_over
    from {{ ref('int_carried_from') }} as carried
    inner join {{ ref('int_ledger_walked') }} as walked
        on carried.reading_no = walked.reading_no
        and carried.carried_from > walked.happened_at
    group by carried.account_id
),

paid as (
    select
        carried.account_id,
        max(cast(payments.occurred_at as date)) as last_paid_on
    from {{ ref('int_carried_from') }} as carried
    inner join {{ ref('int_payments_effective') }} as payments
        on carried.reading_no = payments.reading_no
        and carried.carried_from > payments.occurred_at
    where payments.transaction_type = 'repayment'
    group by carried.account_id
),

billed as (
    select
        carried.account_id,
        sum(bills.principal_asked) as principal_billed,
        max(bills.due_on) as last_due_on,
        max(bills.period_count) as period_count,
        count(*) as bills_known
    from {{ ref('int_carried_from') }} as carried
    inner join {{ ref('int_bills_due') }} as bills
        on carried.account_id = bills.account_id
        and carried.carried_from > cast(bills.statement_on as timestamp)
    group by carried.account_id
),

recovered as (
    select
        assigned.account_id,
        assigned.five_tier_assigned_on as recovered_on
    from {{ ref('int_five_tier_assigned') }} as assigned
    left join {{ ref('int_month_ends_adverse') }} as adverse
        on assigned.account_id = adverse.account_id
        and assigned.report_month = adverse.month
    where
        assigned.report_month = {{ report_month() }}
        and adverse.account_id is null
)

select
    carried.account_id,
    cast(coalesce(left_over.left_over, 0) as decimal(18, 2)) as left_over,
    cast(coalesce(ledger.spent, 0) as decimal(18, 2)) as spent,
    cast(coalesce(ledger.drawn, 0) as decimal(18, 2)) as drawn,
    coalesce(paid.last_paid_on, opening.last_paid_on) as last_paid_on,
    cast(
        coalesce(billed.principal_billed, 0) + coalesce(opening.principal_billed, 0)
        as decimal(18, 2)
    ) as principal_billed,
    {{ greater_known('billed.last_due_on', 'opening.last_due_on') }} as last_due_on,
    {{ greater_known('billed.period_count', 'opening.period_count') }} as period_count,
    coalesce(billed.bills_known, 0) + coalesce(opening.bills_known, 0) as bills_known,
    recovered.recovered_on
from {{ ref('int_carried_from') }} as carried
left join {{ ref('int_ledger_at_report_date') }} as ledger
    on carried.account_id = ledger.account_id
    and ledger.report_month = {{ report_month() }}
left join {{ ref('accounts_brought_forward') }} as opening
    on carried.account_id = opening.account_id
left join left_over
    on carried.account_id = left_over.account_id
left join paid
    on carried.account_id = paid.account_id
left join billed
    on carried.account_id = billed.account_id
left join recovered
    on carried.account_id = recovered.account_id
