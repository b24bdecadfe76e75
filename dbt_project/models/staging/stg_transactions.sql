-- Transactions as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    transaction_id,
    account_id,
    transaction_type,
    amount,
    occurred_at,
    reverses_transaction_id,
    recorded_at
from (
    {{ good_rows('transactions') }}
) as good_rows
