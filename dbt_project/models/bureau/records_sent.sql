-- One row per record of an earlier run that counts as sent; the records of one account are
-- summarized in one row (docs/decisions/0012).
{{ config(materialized='view') }}

select *
from {{ source('history', 'submission_records') }}
where state in {{ sent_states() }}
