-- One row per bill, penalty and payment of a reading, in the order of the ledger, with the running
-- state after it (contracts, section 2, rules 2, 4 and 5).
--   due_less_paid   all that fell due so far less all paid so far; may be negative
--   open_amount       what is due and unpaid: payments cannot push it below zero. What is left
--                     over is gone (reduces_unbilled) or held for later items (credits_next_due).
--   prepaid_amount    the part of this bill or penalty that held money pays as it appears
--   busy_period       a stretch that begins with a bill or penalty that finds nothing open; no
--                     payment reaches across its borders
-- One number orders all: the moment, and at one moment the rank of what happened. What pays needs
-- no name: of payments of one rank at one moment only the sum matters.
-- Long, because one pass over the ledger keeps the running state that all four amounts need.
with entries as (
    select  -- money left over from before what is brought forward
        versions.reading_no,
        versions.prepayment,
        timestamp '1900-01-01 00:00:00' as happened_at,
        0 as rank_at_instant,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        cast(null as date) as due_on,
        cast(null as date) as late_from,
        -opening.left_over as change
    from {{ ref('accounts_brought_forward') }} as opening
    inner join {{ ref('int_ledger_versions') }} as versions
        on opening.account_id = versions.account_id
    where opening.left_over > 0
    union all
    select
        versions.reading_no,
        versions.prepayment,
        cast(bills.statement_on as timestamp) as happened_at,
        1 as rank_at_instant,
        bills.bill_id as entry_id,
        bills.due_on,
        bills.late_from,
        bills.fee_asked + bills.interest_asked + bills.principal_asked as change
    from {{ ref('int_bills_due') }} as bills
    inner join {{ ref('int_ledger_versions') }} as versions
        on bills.account_id = versions.account_id
        and cast(bills.statement_on as timestamp) < versions.ends_before
    where bills.fee_asked + bills.interest_asked + bills.principal_asked > 0
    union all
    select
        payments.reading_no,
        versions.prepayment,
        payments.occurred_at as happened_at,
        2 as rank_at_instant,
        payments.penalty_id as entry_id,
        cast(payments.occurred_at as date) as due_on,
        {{ add_days('cast(payments.occurred_at as date)', 1) }} as late_from,
        payments.amount as change
    from {{ ref('int_payments_effective') }} as payments
    inner join {{ ref('int_ledger_versions') }} as versions
        on payments.reading_no = versions.reading_no
    where payments.transaction_type = 'penalty'
    union all
    select
        payments.reading_no,
        versions.prepayment,
        payments.occurred_at as happened_at,
        case payments.transaction_type
            when 'waiver' then 3
            when 'refund' then 4
            else 5
        end as rank_at_instant,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        cast(null as date) as due_on,
        cast(null as date) as late_from,
        -payments.amount as change
    from {{ ref('int_payments_effective') }} as payments
    inner join {{ ref('int_ledger_versions') }} as versions
        on payments.reading_no = versions.reading_no
    where payments.transaction_type in ('waiver', 'refund', 'repayment')
),

in_order as (
    select
        reading_no,
        prepayment = 'credits_next_due' as holds_credit,
        {{ microseconds('happened_at') }} * 8 + rank_at_instant as moment,
        happened_at,
        cast(rank_at_instant as tinyint) as rank_at_instant,
        entry_id,
        due_on,
        late_from,
        cast(change as decimal(18, 2)) as change
    from entries
),

summed as (
    select
        *,
        row_number() over (
            partition by reading_no
            order by moment, entry_id
            rows between unbounded preceding and current row
        ) as entry_number,
        cast(sum(change) over (
            partition by reading_no
            order by moment, entry_id
            rows between unbounded preceding and current row
        ) as decimal(18, 2)) as due_less_paid
    from in_order
),

reflected as (  -- payments beyond what is open are gone, or held for what comes
    select
        *,
        case
            when holds_credit then greatest(due_less_paid, 0)
            else due_less_paid - least(0, min(due_less_paid) over (
                partition by reading_no
                order by entry_number
                rows between unbounded preceding and current row
            ))
        end as open_amount,
        case
            when holds_credit and change > 0
                then least(change, greatest(change - due_less_paid, 0))
            else 0
        end as prepaid_amount
    from summed
)

select
    reading_no,
    entry_number,
    happened_at,
    entry_id,
    case rank_at_instant when 1 then 'bill' when 2 then 'penalty' else 'payment' end as entry_type,
    due_on,
    late_from,
    change,
    prepaid_amount,
    due_less_paid,
    open_amount,
    cast(sum(case
        when change < 0 then 0
        when holds_credit and due_less_paid <= change then 1
        when not holds_credit and open_amount = change then 1
        else 0
    end) over (
        partition by reading_no
        order by entry_number
        rows between unbounded preceding and current row
    ) as integer) as busy_period  -- a sum of 128 bits is slow to store and to read
from reflected
