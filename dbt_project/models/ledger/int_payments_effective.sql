-- One row per transaction that counts in a reading of its account's ledger and is no spending.
with effective as (
    {{ effective(ref('stg_payments')) | indent(4) }}
)

select *
from effective
where transaction_type in ('repayment', 'waiver', 'refund', 'penalty', 'write_off')
