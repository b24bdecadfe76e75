-- Transactions as known at the cut-off that are no spending: few of all rows, copied once because
-- several models read them.
{{ config(materialized='table') }}

select *
from {{ ref('stg_transactions') }}
where transaction_type not in ('purchase', 'cash_draw')
