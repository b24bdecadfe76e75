-- One row per record 110 that may leave in this run, as the bureau's rules read it.
{{ config(materialized='view') }}

with accounts as (  -- a person is held only with all the accounts that the record is about
    select
        records.customer_id,
        records.reporter_code,
        min(case
            when {{ holds_consent('records.report_date') }} then 1 else 0
        end) = 1 as has_quarantined_consent
    from (
        select
            account_id,
            customer_id,
            reporter_code,
            report_date
        from {{ ref('record_210') }}
        union all
        select
            named.account_id,
            named.customer_id,
            named.reporter_code,
            pending.report_date
        from {{ source('history', 'pending_records') }} as pending
        inner join {{ ref('accounts_named') }} as named
            on pending.record_type = '110'
            and pending.subject_id = named.customer_id
            and pending.reporter_code = named.reporter_code
    ) as records
    left join {{ ref('int_accounts_in_quarantine') }} as quarantine
        on records.account_id = quarantine.account_id
    group by
        records.customer_id,
        records.reporter_code
),

doubled as (  -- customers with the same marks are one person to the bureau
    select
        reporter_code,
        hash_b,
        report_date,
        min(customer_id) as sent_for_customer_id
    from {{ ref('record_110') }}
    group by
        reporter_code,
        hash_b,
        report_date
    having count(*) > 1
),

sent as (
    select distinct
        reporter_code,
        identity_hash,
        report_date
    from {{ ref('records_sent') }}
    where record_type = '110'
)

select
    records.*,
    coalesce(accounts.has_quarantined_consent, false) as has_quarantined_consent,
    sent.report_date is not null
    or coalesce(records.customer_id <> doubled.sent_for_customer_id, false) as is_sent_already,
    rejected.subject_id is not null as is_rejected_content,
    records.reporter_code as org_code
from {{ ref('record_110') }} as records
left join accounts
    on records.customer_id = accounts.customer_id
    and records.reporter_code = accounts.reporter_code
left join sent
    on records.hash_b = sent.identity_hash
    and records.reporter_code = sent.reporter_code
    and records.report_date = sent.report_date
left join doubled
    on records.hash_b = doubled.hash_b
    and records.reporter_code = doubled.reporter_code
    and records.report_date = doubled.report_date
{{ join_rejected_content('110', 'customer_id', {
    'B': 'true', 'FCS': 'records.seg_fcs', 'SPS': 'records.seg_sps', 'EDU': 'records.seg_edu',
    'OCTPN': 'records.seg_octpn', 'REDNC': 'records.seg_rednc', 'MLG': 'records.seg_mlg',
}) }}
