-- One row per record 210 that may leave in this run: do the records that it builds on leave too, or
-- were they sent before? A record that fails a rule (failed_records) does not leave. An account is
-- introduced by a record sent before, or by the first record of this batch that leaves.
{{ config(materialized='view') }}

with sent as (
    select * from {{ ref('records_sent') }}
),

introductions as (
    select
        reporter_code,
        account_id,
        min(report_date) as introduced_on
    from sent
    where record_type = '210'
    group by reporter_code, account_id
),

first_leaving as (
    select
        records.reporter_code,
        records.account_id,
        min(records.report_date) as introduced_on
    from {{ ref('record_210') }} as records
    left join {{ source('checks', 'failed_records') }} as failed
        on failed.record_type = '210'
        and records.account_id = failed.subject_id
        and records.reporter_code = failed.reporter_code
        and records.report_date = failed.report_date
    where failed.subject_id is null
    group by records.reporter_code, records.account_id
),

agreements as (
    select distinct
        reporter_code,
        subject_id as agreement_id
    from sent
    where record_type = '220'
    union distinct
    select
        records.reporter_code,
        records.agreement_id
    from {{ ref('record_220') }} as records
    left join {{ source('checks', 'failed_records') }} as failed
        on failed.record_type = '220'
        and records.agreement_id = failed.subject_id
        and records.reporter_code = failed.reporter_code
        and records.report_date = failed.report_date
    where failed.subject_id is null
),

people as (
    select distinct
        reporter_code,
        identity_hash
    from sent
    where record_type = '110'
    union distinct
    select
        records.reporter_code,
        records.hash_b as identity_hash
    from {{ ref('record_110') }} as records
    left join {{ source('checks', 'failed_records') }} as failed
        on failed.record_type = '110'
        and records.customer_id = failed.subject_id
        and records.reporter_code = failed.reporter_code
        and records.report_date = failed.report_date
    where failed.subject_id is null
)

select
    records.*,
    coalesce(introductions.introduced_on < records.report_date, false)
    or coalesce(first_leaving.introduced_on < records.report_date, false)
    or (
        records.seg_c
        and records.seg_f
        and records.seg_h
        and records.rpt_date_code in ('10', '31', '20', '32')
    ) as is_introduced,
    agreements.agreement_id is not null as is_agreement_known,
    people.identity_hash is not null as is_person_known
from {{ ref('record_210') }} as records
left join introductions
    on records.account_id = introductions.account_id
    and records.reporter_code = introductions.reporter_code
left join first_leaving
    on records.account_id = first_leaving.account_id
    and records.reporter_code = first_leaving.reporter_code
left join agreements
    on records.agreement_id = agreements.agreement_id
    and records.reporter_code = agreements.reporter_code
left join people
    on records.identity_hash = people.identity_hash
    and records.reporter_code = people.reporter_code
