-- One row per transaction that counts in a reading of its account's ledger and is no spending: few
-- of all rows, and several models read them.
with effective as (
    {{ effective(ref('stg_transactions')) | indent(4) }}
)

select *
from effective
where transaction_type in ('repayment', 'waiver', 'refund', 'penalty', 'write_off')
