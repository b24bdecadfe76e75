-- One row per record 210 of an account of which a record breaks a rule: its place in the account's
-- sequence of records, decided again. What breaks a rule (records_broken) tells the bureau nothing:
-- the record after it takes its place.
{{ config(materialized='view') }}

with accounts as (
    select distinct subject_id as account_id
    from {{ source('checks', 'records_broken') }}
    where record_type = '210'
),

items as (
    select
        records.*,
        broken.subject_id is null as is_told
    from {{ ref('composed_210') }} as records
    inner join accounts
        on records.account_id = accounts.account_id
    left join {{ source('checks', 'records_broken') }} as broken
        on broken.record_type = '210'
        and records.account_id = broken.subject_id
        and records.reporter_code = broken.reporter_code
        and records.report_date = broken.report_date
)

{{ place_in_sequence('items') }}
