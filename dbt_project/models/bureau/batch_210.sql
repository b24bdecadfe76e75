-- One row per record 210 that may leave in this run: do the records that it builds on leave too, or
-- were they sent before? A record that breaks a rule of its own (records_broken) does not leave. An
-- account is introduced by a record sent before, or by its first record of this batch.
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

in_order as (
    select
        records.*,
        broken.subject_id is not null as is_broken,
        row_number() over (
            partition by records.reporter_code, records.account_id
            order by records.report_date
        ) as nth_in_batch
    from {{ ref('record_210') }} as records
    left join {{ source('checks', 'records_broken') }} as broken
        on broken.record_type = '210'
        and records.account_id = broken.subject_id
        and records.reporter_code = broken.reporter_code
        and records.report_date = broken.report_date
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
    left join {{ source('checks', 'records_broken') }} as broken
        on broken.record_type = '220'
        and records.agreement_id = broken.subject_id
        and records.reporter_code = broken.reporter_code
        and records.report_date = broken.report_date
    where broken.subject_id is null
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
    left join {{ source('checks', 'records_broken') }} as broken
        on broken.record_type = '110'
        and records.customer_id = broken.subject_id
        and records.reporter_code = broken.reporter_code
        and records.report_date = broken.report_date
    where broken.subject_id is null
)

select
    in_order.*,
    coalesce(introductions.introduced_on < in_order.report_date, false)
    or (
        in_order.nth_in_batch = 1
        and in_order.seg_c
        and in_order.seg_f
        and in_order.seg_h
        and in_order.rpt_date_code in ('10', '31', '20', '32')
    )
    or (
        in_order.nth_in_batch > 1
        and not first_in_batch.is_broken
    ) as is_introduced,
    agreements.agreement_id is not null as is_agreement_known,
    people.identity_hash is not null as is_person_known
from in_order
inner join in_order as first_in_batch
    on in_order.account_id = first_in_batch.account_id
    and in_order.reporter_code = first_in_batch.reporter_code
    and first_in_batch.nth_in_batch = 1
left join introductions
    on in_order.account_id = introductions.account_id
    and in_order.reporter_code = introductions.reporter_code
left join agreements
    on in_order.agreement_id = agreements.agreement_id
    and in_order.reporter_code = agreements.reporter_code
left join people
    on in_order.identity_hash = people.identity_hash
    and in_order.reporter_code = people.reporter_code
