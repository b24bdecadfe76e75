-- One row per bill, penalty and payment of a reading, in the order of the ledger, with the running
-- state after it (contracts, section 2, rules 2, 4 and 5).
--   asked_less_paid   all asked so far less all paid so far; may be negative
--   open_amount       what is asked and unpaid: payments cannot push it below zero. What is left
--                     over is gone (reduces_unbilled) or held for later items (credits_next_due).
--   prepaid_amount    the part of this bill or penalty that held money pays as it appears
--   busy_period       a stretch that begins with nothing open and lasts until nothing is open
--                     again; no payment reaches across its borders
with entries as (
    select
        bills.account_id,
        versions.valid_from_month,
        cast(bills.statement_on as timestamp) as happened_at,
        1 as rank_at_instant,
        bills.bill_id as entry_id,
        'bill' as entry_type,
        bills.late_from,
        bills.fee_asked + bills.interest_asked + bills.principal_asked as amount
    from {{ ref('int_bills_asked') }} as bills
    inner join {{ ref('int_ledger_versions') }} as versions
        on bills.account_id = versions.account_id
        and cast(bills.statement_on as timestamp) < versions.ends_before
    where bills.fee_asked + bills.interest_asked + bills.principal_asked > 0
    union all
    select
        account_id,
        valid_from_month,
        occurred_at as happened_at,
        case transaction_type
            when 'penalty' then 2
            when 'waiver' then 3
            when 'refund' then 4
            else 5
        end as rank_at_instant,
        transaction_id as entry_id,
        case when transaction_type = 'penalty' then 'penalty' else 'payment' end as entry_type,
        case
            when transaction_type = 'penalty'
                then {{ add_days('cast(occurred_at as date)', 1) }}
        end as late_from,
        amount
    from {{ ref('int_transactions_effective') }}
    where transaction_type in ('penalty', 'waiver', 'refund', 'repayment')
),

numbered as (
    select
        entries.*,
        accounts.prepayment,
        case when entries.entry_type = 'payment' then -entries.amount else entries.amount end
            as change,
        row_number() over (
            partition by entries.account_id, entries.valid_from_month
            order by entries.happened_at, entries.rank_at_instant, entries.entry_id
        ) as entry_number
    from entries
    inner join {{ ref('int_accounts_read') }} as accounts
        on entries.account_id = accounts.account_id
),

summed as (
    select
        *,
        cast(sum(change) over (
            partition by account_id, valid_from_month
            order by entry_number
        ) as decimal(18, 2)) as asked_less_paid
    from numbered
),

reflected as (
    select
        *,
        case
            when prepayment = 'credits_next_due' then greatest(asked_less_paid, 0)
            else asked_less_paid - least(0, min(asked_less_paid) over (
                partition by account_id, valid_from_month
                order by entry_number
            ))
        end as open_amount,
        case
            when prepayment = 'credits_next_due' and entry_type <> 'payment'
                then least(amount, greatest(amount - asked_less_paid, 0))
            else 0
        end as prepaid_amount
    from summed
),

bounded as (
    select
        *,
        lag(open_amount, 1, 0) over (
            partition by account_id, valid_from_month
            order by entry_number
        ) as open_before
    from reflected
)

select
    account_id,
    valid_from_month,
    entry_number,
    happened_at,
    rank_at_instant,
    entry_id,
    entry_type,
    late_from,
    amount,
    prepaid_amount,
    asked_less_paid,
    open_amount,
    sum(case when open_before = 0 then 1 else 0 end) over (
        partition by account_id, valid_from_month
        order by entry_number
    ) as busy_period
from bounded
