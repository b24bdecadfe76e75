-- Transactions as known at the cut-off that move what is owed and are no spending, with the
-- reversals.
select
    transaction_id,
    account_id,
    transaction_type,
    amount,
    occurred_at,
    reverses_transaction_id,
    recorded_at
from (
    select {{ raw_columns('transactions') | join(', ') }}
    from {{ ref('singled_out_transactions') }}
    where not has_question
    union all
    select *
    from {{ special_rows('transactions') }} as special
    where transaction_type in ('repayment', 'waiver', 'refund', 'penalty', 'write_off', 'reversal')
) as payments
