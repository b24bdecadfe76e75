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
),

sent as (
    select distinct
        reporter_code,
        subject_id,
        report_date
    from {{ ref('records_sent') }}
    where record_type = '220'
),

newest_sent as (
    select
        reporter_code,
        subject_id,
        max(report_date) as report_date
    from sent
    group by reporter_code, subject_id
),

quarantine as (
    select
        accounts.reporter_code,
        coalesce(accounts.parent_account_id, accounts.account_id) as agreement_id,
        min(quarantine.limit_since) as limit_since,
        min(quarantine.consent_since) as consent_since
    from {{ ref('int_accounts_in_quarantine') }} as quarantine
    inner join {{ ref('stg_accounts') }} as accounts
        on quarantine.account_id = accounts.account_id
    group by
        accounts.reporter_code,
        coalesce(accounts.parent_account_id, accounts.account_id)
)

select
    records.*,
    records.reporter_code as org_code,
    sent.report_date is not null as is_sent_already,
    rejected.subject_id is not null as is_rejected_content,
    coalesce(first_ended.ended_on < records.report_date, false) as is_expired_before,
    -- an end learnt late, of before what the bureau has
    records.con_status = '2' and coalesce(newest_sent.report_date > records.report_date, false)
        as is_followed,
    coalesce(quarantine.limit_since <= records.report_date, false) as has_quarantined_limit,
    {{ holds_consent('records.report_date') }} as has_quarantined_consent
from {{ ref('record_220') }} as records
left join first_ended
    on records.agreement_id = first_ended.agreement_id
    and records.reporter_code = first_ended.reporter_code
left join sent
    on records.agreement_id = sent.subject_id
    and records.reporter_code = sent.reporter_code
    and records.report_date = sent.report_date
left join newest_sent
    on records.agreement_id = newest_sent.subject_id
    and records.reporter_code = newest_sent.reporter_code
{{ join_rejected_content('220', 'agreement_id', {'D': 'true'}) }}
left join quarantine
    on records.agreement_id = quarantine.agreement_id
    and records.reporter_code = quarantine.reporter_code
