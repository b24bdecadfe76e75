-- One row per record of an earlier run that counts as sent.
{{ config(materialized='view') }}

select *
from {{ source('history', 'submission_records') }}
where state in {{ sent_states() }}
