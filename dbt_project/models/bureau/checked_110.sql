-- One row per record 110 that may leave in this run, as the bureau's rules read it.
{{ config(materialized='view') }}

select
    *,
    reporter_code as org_code
from {{ ref('record_110') }}
