-- WHO IS REPORTED THIS MONTH, AND WHY NOT?
--
-- One row per account and report month, for every account recorded by the cut-off; no account is
-- ever dropped. Earlier months that are still pending are judged again beside the report month, by
-- the same rules and with what is known now; only the report month is published. An account may be
-- reported only if its customer signed the "Personal User Information Inquiry and Reporting
-- Authorization" (the document_code of the product's policy) naming the institution that furnishes
-- the data (Regulation on Credit Reporting, articles 13 and 29; PIPL, articles 13, 14 and 23).
-- Nothing from before the signature is reported, and an adverse month only after the person was
-- notified (article 15).
--
-- Below: one boolean per rule (true passes, unknown fails), then one case that names the first rule
-- that fails. Each reason's sentence and source stand in seeds/reasons.csv, in the same order.
-- Long, because the twelve reasons are one case, in the order in which they decide.
{%- set is_not_adverse =
    "coalesce(status.repayment_status not in ('1', '2', '3', '4', '5', '6', '7', 'B'), false)" %}

with rules as (
    select
        accounts.account_id,
        accounts.report_month,
        accounts.customer_id,
        accounts.product_code,
        accounts.reporter_code,
        accounts.reporting_basis,
        accounts.opened_on,
        accounts.report_date,
        accounts.closed_on,

        coalesce(accounts.is_opened_by_month_end, false) as is_open_by_month_end,
        not accounts.is_closed_earlier as is_still_open_in_month,
        coalesce(customers.is_identity_valid, false) as has_valid_identity,
        coalesce(accounts.opened_on >= customers.adult_from, false) as was_adult_at_opening,

        -- a loan contract carries the consent: without one by the report date something went wrong
        accounts.reporting_basis = 'authorization' or authorizations.has_signature_by_report_date
            as has_contract_consent,

        -- signed at all, by the report date, for this institution, and not withdrawn; an account
        -- that was reportable before the withdrawal runs off to its closing record where the policy
        -- says so
        authorizations.has_any_signature,
        authorizations.has_signature_by_report_date,
        authorizations.is_reporter_named,
        authorizations.is_in_force or authorizations.is_in_run_off as is_authorized,
        authorizations.is_still_standing and (
            authorizations.is_in_force
            or authorizations.is_in_run_off
            or not authorizations.is_reporter_named
        ) as is_not_withdrawn,

        -- adverse information is kept for five years from its end: an adverse month that waited
        -- longer is not sent any more (Regulation, article 16; REQ-21)
        {{ is_not_adverse }}
        or coalesce({{ add_months('episodes.episode_ended_on', 60) }} >= {{ as_of() }}, true)
            as is_within_five_years,

        -- an adverse month needs a delivered notice for its episode
        {{ is_not_adverse }}
        or notices.account_id is not null as has_notice_if_adverse,

        authorizations.signed_at,
        authorizations.signature_event_id,
        authorizations.last_event_id,
        authorizations.first_signed_at,
        authorizations.is_in_run_off,
        authorizations.withdrawn_at,
        case
            when known_customers.standing = 'quarantined'
                then 'the rows of the customer are in quarantine'
            when customers.customer_id is null then 'there is no row of the customer'
            else nullif(customers.identity_faults, '')
        end as identity_faults,
        episodes.episode_started_on,
        notices.delivered_at as notice_delivered_at
    from {{ ref('int_accounts_at_report_date') }} as accounts
    inner join {{ ref('int_authorizations_at_report_date') }} as authorizations
        on accounts.account_id = authorizations.account_id
        and accounts.report_month = authorizations.report_month
    left join {{ ref('int_customers_identified') }} as customers
        on accounts.customer_id = customers.customer_id
    left join {{ ref('known_customers') }} as known_customers
        on accounts.customer_id = known_customers.known_customer_id
    left join {{ ref('repayment_status') }} as status
        on accounts.account_id = status.account_id
        and accounts.report_month = status.report_month
    left join {{ ref('int_episodes') }} as episodes
        on accounts.account_id = episodes.account_id
        and accounts.report_month = episodes.report_month
    left join {{ ref('int_notices_delivered') }} as notices
        on episodes.account_id = notices.account_id
        and episodes.episode_started_on = notices.episode_started_on
),

verdicts as (
    select
        *,
        case
            when not is_open_by_month_end then 'NOT_YET_OPEN'
            when not is_still_open_in_month then 'CLOSED_EARLIER'
            when not has_valid_identity then 'IDENTITY_INVALID'
            when not was_adult_at_opening then 'UNDERAGE'
            when not has_contract_consent then 'CONTRACT_CONSENT_MISSING'
            when not has_any_signature then 'NOT_AUTHORIZED'
            when not has_signature_by_report_date then 'AUTHORIZED_AFTER_MONTH_END'
            when not is_not_withdrawn then 'AUTHORIZATION_WITHDRAWN'
            when not is_reporter_named then 'REPORTER_NOT_NAMED'
            when not is_within_five_years then 'ADVERSE_TOO_OLD'
            when not has_notice_if_adverse then 'NOTICE_PENDING'
            else 'REPORTED'
        end as reason_code
    from rules
),

first_reports as (  -- earlier records that count as sent
    select
        account_id,
        min({{ month_start('report_date') }}) as report_month
    from {{ source('history', 'submission_records') }}
    where
        record_type = '210'
        and state in {{ sent_states() }}
    group by account_id
),

decided as (
    select
        *,
        case
            when is_authorized then signature_event_id
            when reason_code = 'AUTHORIZATION_WITHDRAWN' then last_event_id
        end as consent_event_id,
        min(case when reason_code = 'REPORTED' then report_month end) over (
            partition by account_id
            order by report_month
        ) as first_reported_now
    from verdicts
)

select
    decided.report_month,
    decided.account_id,
    decided.customer_id,
    decided.product_code,
    decided.reporter_code,
    decided.reason_code = 'REPORTED' as is_reportable,
    decided.reason_code,
    decided.reporting_basis,
    decided.consent_event_id,
    case when decided.is_authorized then cast(decided.signed_at as date) end as authorized_on,
    least(
        coalesce(first_reports.report_month, decided.first_reported_now),
        coalesce(decided.first_reported_now, first_reports.report_month)
    ) as first_reported_month,

    -- for whoever asks why: the deciding document and what else is known of the consent
    decided.opened_on,
    decided.report_date,
    decided.closed_on,
    decided.identity_faults,
    case when decided.is_in_run_off then decided.withdrawn_at end as withdrawn_at,
    consents.document_code,
    consents.document_version,
    case when consents.consent_event_id is not null then texts.document_code is not null end
        as is_text_registered,
    consents.occurred_at as decided_at,
    decided.is_in_run_off,
    decided.first_signed_at,
    documents.documents_signed,
    documents.reporters_named,
    decided.episode_started_on,
    decided.notice_delivered_at
from decided
left join first_reports
    on decided.account_id = first_reports.account_id
left join {{ ref('stg_consents') }} as consents
    on decided.consent_event_id = consents.consent_event_id
left join {{ ref('consent_texts') }} as texts
    on consents.document_code = texts.document_code
    and consents.document_version = texts.document_version
    and consents.document_sha256 = texts.document_sha256
left join {{ ref('int_documents_signed') }} as documents
    on decided.account_id = documents.account_id
    and decided.report_month = documents.report_month
