-- One row per record of an earlier run that counts as sent; of an account, one row for its records
-- together (docs/decisions/0012).
{{ config(materialized='view') }}

select *
from {{ source('history', 'submission_records') }}
where state in {{ sent_states() }}
