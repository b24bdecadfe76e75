-- One row per record 210 of an account of which a record fails a rule: its place in the account's
-- sequence of records, decided again. What fails a rule (failed_records) tells the bureau nothing:
-- the record after it takes its place.
{{ config(materialized='view') }}

with accounts as (
    select distinct subject_id as account_id
    from {{ source('checks', 'failed_records') }}
    where record_type = '210'
),

items as (
    select
        records.*,
        failed.subject_id is null as is_told
    from {{ ref('composed_210') }} as records
    inner join accounts
        on records.account_id = accounts.account_id
    left join {{ source('checks', 'failed_records') }} as failed
        on failed.record_type = '210'
        and records.account_id = failed.subject_id
        and records.reporter_code = failed.reporter_code
        and records.report_date = failed.report_date
)

{{ place_in_sequence('items') }}
