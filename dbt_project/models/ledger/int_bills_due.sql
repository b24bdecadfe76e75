-- One row per bill known at the cut-off: what it asks, part by part, under the product's due basis.
-- With minimum_due fee, interest and principal are cut off at the minimum in this order; no minimum
-- means the full bill (contracts, section 2, rule 3).
with bills as (
    select
        bills.bill_id,
        bills.account_id,
        bills.statement_on,
        bills.due_on,
        bills.period_count,
        bills.fee_due,
        bills.interest_due,
        bills.principal_due,
        accounts.grace_days,
        case
            when accounts.due_basis = 'minimum_due' and bills.minimum_due is not null
                then bills.minimum_due
            else bills.fee_due + bills.interest_due + bills.principal_due
        end as due_cap
    from {{ ref('stg_bills') }} as bills
    inner join {{ ref('int_accounts_read') }} as accounts
        on bills.account_id = accounts.account_id
)

select
    bill_id,
    account_id,
    statement_on,
    due_on,
    period_count,
    {{ add_days('due_on', 'grace_days + 1') }} as late_from,
    cast(least(fee_due, due_cap) as decimal(18, 2)) as fee_asked,
    cast(least(interest_due, greatest(due_cap - fee_due, 0)) as decimal(18, 2))
        as interest_asked,
    cast(
        least(principal_due, greatest(due_cap - fee_due - interest_due, 0))
        as decimal(18, 2)
    ) as principal_asked
from bills
