-- One row per account with a quarantined row of its own that its records would omit: since which
-- day there is one, by what it is about. The row counts for every account that a version of it
-- names, and where it names no known account for those whose id or agreement differs in form alone.
-- A row that does not say when it happened, or names a day beyond 2099, counts from the beginning,
-- one that a later version settles does not count. What is or may be a withdrawal counts for every
-- account of the customer that it could concern: an unknown document, product or institution may be
-- any. A quarantined signature does not count, because without it nothing is reported, unless a
-- version of it may be a withdrawal or its versions are about different customers. A notice or a
-- dispute counts where it moves between accounts (docs/decisions/0014-quarantine-downstream.md).
-- Long, because what a row may be about differs from feed to feed.
{%- set kinds = {
    'bill': ('bills', 'statement_on'),
    'transaction': ('transactions', 'cast(occurred_at as date)'),
    'limit': ('credit_limits', 'effective_on'),
    'consent': ('consents', 'cast(occurred_at as date)'),
    'notice': ('adverse_notices', 'cast(sent_at as date)'),
    'dispute': ('disputes', 'received_on'),
} %}
with {% for kind, (table, day) in kinds.items() -%}
{{ kind }}_dated as (
    select
        *,
        case when {{ day }} < date '2100-01-01' then {{ day }} else date '1900-01-01' end as since,
        -- what the row says, whenever it was recorded
        md5(concat_ws(
            '|',
            {{ every_value(raw_columns(table) | reject('equalto', 'recorded_at') | list) }}
        )) as facts
    from {{ screened_rows(table) }} as screened
),

{{ kind }}_versions as (
    select
        *,
        case  -- rows without a key are no versions of each other
            when {{ raw_key(table) | join(' is null or ') }} is null
                then concat_ws('|', '', row_key, facts)
            else row_key
        end as version_of
    from {{ kind }}_dated
),

{{ kind }}_compared as (
    select
        *,
        {%- if kind == 'consent' %}
        bool_or(coalesce(lower(action) <> 'signed', true))
            over (partition by version_of) as may_be_withdrawal,
        {%- endif %}
        max(case when place = 'good' then recorded_at end)
            over (partition by version_of) as good_at,
        max(case when place = 'good' then facts end) over (partition by version_of) as good_facts
    from {{ kind }}_versions
),

{{ kind }}_rejected as (
    select
        version_of,
        min(since) as since
    from {{ kind }}_compared
    where
        place = 'quarantined'
        -- one that does not say when it was recorded is settled by the same facts alone
        and not coalesce(case
            when recorded_at is null then facts = good_facts
            else recorded_at < good_at
        end, false)
        {%- if kind == 'consent' %}
        and (may_be_withdrawal or is_conflicting or changes_subject)
        {%- elif kind in ['notice', 'dispute'] %}
        and changes_subject
        {%- endif %}
    group by version_of
),

{{ kind }}_held as (
    select
        versions.*,
        rejected.since as held_since
    from {{ kind }}_versions as versions
    inner join {{ kind }}_rejected as rejected
        on versions.version_of = rejected.version_of
),

{% endfor -%}
accounts as (
    select
        accounts.account_id,
        accounts.product_code,
        accounts.reporter_code,
        coalesce(accounts.parent_account_id, accounts.account_id) as agreement_id,
        lower(accounts.customer_id) as customer_in_any_case,
        policy.document_code
    from {{ ref('stg_accounts') }} as accounts
    inner join {{ ref('stg_product_policy') }} as policy
        on accounts.product_code = policy.product_code
),

ids as (  -- a limit names the agreement, which of most accounts is the account itself
    select
        account_id,
        account_id as named_id,
        false as is_agreement
    from accounts
    union all
    select
        account_id,
        agreement_id as named_id,
        true as is_agreement
    from accounts
),

named as (
    {%- for kind in kinds if kind != 'consent' %}
    select
        '{{ kind }}' as kind,
        {{ 'true' if kind == 'limit' else 'false' }} as is_agreement,
        account_id as named_id,
        held_since as since
    from {{ kind }}_held
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

by_id as (
    select
        ids.account_id,
        named.kind,
        named.since
    from named
    inner join ids
        on named.named_id = ids.named_id
        and named.is_agreement = ids.is_agreement
),

unknown as (
    select named.*
    from named
    {{ anti_join() }} ids
        on named.named_id = ids.named_id
        and named.is_agreement = ids.is_agreement
),

by_similar_id as (
    select
        ids.account_id,
        unknown.kind,
        unknown.since
    from unknown
    inner join ids
        on {{ without_form('unknown.named_id') }} = {{ without_form('ids.named_id') }}
),

withdrawals as (
    select
        *,
        lower(customer_id) as customer_in_any_case,
        product_code is null
        or product_code not in (
            select policy.product_code from {{ ref('stg_product_policy') }} as policy
        ) as may_be_any_product,
        document_code is null
        or document_code not in ({{ known_documents() }}) as may_be_any_document,
        reporter_code is null
        or reporter_code not in (
            select reporters.reporter_code from {{ ref('reporters') }} as reporters
        ) as may_be_any_reporter
    from consent_held
),

by_consent as (
    select
        accounts.account_id,
        'consent' as kind,
        withdrawals.held_since as since
    from withdrawals
    inner join accounts
        on withdrawals.customer_in_any_case = accounts.customer_in_any_case
        and (
            withdrawals.may_be_any_product
            or withdrawals.product_code = accounts.product_code
        )
        and (
            withdrawals.may_be_any_document
            or withdrawals.document_code = accounts.document_code
        )
        and (
            withdrawals.may_be_any_reporter
            or withdrawals.reporter_code = accounts.reporter_code
        )
),

by_account as (
    select * from by_id
    union all
    select * from by_similar_id
    union all
    select * from by_consent
)

select
    account_id,
    min(since) as held_since,
    min(case when kind = 'bill' then since end) as bill_since,
    min(case when kind = 'transaction' then since end) as transaction_since,
    min(case when kind = 'limit' then since end) as limit_since,
    min(case when kind = 'consent' then since end) as consent_since,
    min(case when kind in ('notice', 'dispute') then since end) as moved_since
from by_account
group by account_id
