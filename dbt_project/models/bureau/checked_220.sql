-- One row per record 220 that may leave in this run, with what the bureau's rules compare it with.
{{ config(materialized='view') }}

with ended as (
    select
        reporter_code,
        subject_id as agreement_id,
        report_date
    from {{ ref('records_sent') }}
    where
        record_type = '220'
        and report_date_code = '20'
    union all
    select
        reporter_code,
        agreement_id,
        report_date
    from {{ ref('record_220') }}
    where con_status = '2'
),

first_ended as (
    select
        reporter_code,
        agreement_id,
        min(report_date) as ended_on
    from ended
    group by reporter_code, agreement_id
)

select
    records.*,
    records.reporter_code as org_code,
    coalesce(first_ended.ended_on < records.report_date, false) as is_expired_before
from {{ ref('record_220') }} as records
left join first_ended
    on records.agreement_id = first_ended.agreement_id
    and records.reporter_code = first_ended.reporter_code
