-- One row per transaction that counts in a reading of its account's ledger and is no spending. Only
-- a penalty falls due under its id: of what pays, the sums matter.
with effective as (
    {{ effective(ref('stg_payments')) | indent(4) }}
)

select
    reading_no,
    transaction_type,
    amount,
    occurred_at,
    case when transaction_type = 'penalty' then transaction_id end as penalty_id
from effective
where transaction_type in ('repayment', 'waiver', 'refund', 'penalty', 'write_off')
