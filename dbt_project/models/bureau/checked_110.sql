-- One row per record 110 that may leave in this run, as the bureau's rules read it.
{{ config(materialized='view') }}

with accounts as (  -- a person is held only with all the accounts that the record is about
    select
        records.customer_id,
        records.reporter_code,
        min(case
            when quarantine.consent_since <= records.report_date then 1 else 0
        end) = 1 as has_quarantined_consent
    from {{ ref('record_210') }} as records
    left join {{ ref('int_accounts_in_quarantine') }} as quarantine
        on records.account_id = quarantine.account_id
    group by
        records.customer_id,
        records.reporter_code
)

select
    records.*,
    coalesce(accounts.has_quarantined_consent, false) as has_quarantined_consent,
    records.reporter_code as org_code
from {{ ref('record_110') }} as records
left join accounts
    on records.customer_id = accounts.customer_id
    and records.reporter_code = accounts.reporter_code
