-- Transactions as known at the cut-off that move what is owed and are no spending (interest and
-- fees are asked for by bills): few of all rows, copied once because several models read them.
{{ config(materialized='table') }}

select *
from {{ ref('stg_transactions') }}
where transaction_type in ('repayment', 'waiver', 'refund', 'penalty', 'write_off', 'reversal')
