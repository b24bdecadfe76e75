-- One row per account with a quarantined row of its own that its records would omit: since which
-- day there is one, by what it is about. The row counts for every account that a version of it
-- names, and where it names no known account for those whose id or agreement differs in form alone;
-- so does one that waits for an account or customer recorded only after the cut-off. It counts from
-- the earliest day that a version of it names, a bill from the earlier of its days. A row that
-- does not say when it happened, or names a day beyond 2099, counts from the beginning, as does a
-- withdrawal dated after its recording; one that a later version settles does not count. What is or
-- may be a withdrawal counts for every account of the customer that it could concern: an unknown
-- document, product or institution may be any. A quarantined signature does not count, because
-- without it nothing is reported, unless a version of it may be a withdrawal or its versions are
-- about different customers. A notice or a dispute counts where it moves between accounts, a row of
-- the account or its customer beside the one that stands
-- (docs/decisions/0014-quarantine-downstream.md).
-- Long, because what a row may be about differs from feed to feed.
{%- set kinds = {
    'bill': ('bills', 'least(statement_on, due_on)'),
    'transaction': ('transactions', 'cast(occurred_at as date)'),
    'limit': ('credit_limits', 'effective_on'),
    'consent': ('consents', 'case when ' ~ happened_by_its_recording() ~
        ' then cast(occurred_at as date) end'),
    'notice': ('adverse_notices', 'cast(sent_at as date)'),
    'dispute': ('disputes', 'received_on'),
    'account': ('accounts', 'cast(null as date)'),
    'customer': ('customers', 'cast(null as date)'),
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
        -- a correction that fails leaves no version of its row, from the earliest of their days on
        min(since) over (partition by version_of) as first_since,
        max(case when place = 'good' then recorded_at end)
            over (partition by version_of) as good_at,
        max(case when place = 'good' then facts end) over (partition by version_of) as good_facts
    from {{ kind }}_versions
),

{{ kind }}_rejected as (
    select
        version_of,
        min(first_since) as since
    from {{ kind }}_compared
    where
        -- one that waits for its account or customer may be about another, who is known
        place in ('quarantined', 'after_cut_off')
        -- one that does not say when it was recorded is settled by the same facts alone
        and not coalesce(case
            when {{ says_when_recorded() }} then recorded_at < good_at
            else facts = good_facts
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
        accounts.customer_id,
        accounts.product_code,
        accounts.reporter_code,
        coalesce(accounts.parent_account_id, accounts.account_id) as agreement_id,
        policy.document_code
    from {{ ref('stg_accounts') }} as accounts
    inner join {{ ref('stg_product_policy') }} as policy
        on accounts.product_code = policy.product_code
),

account_ids as (  -- a limit names the agreement, which of most accounts is the account itself
    select
        account_id as id,
        'account' as id_of,
        account_id
    from accounts
    union all
    select
        agreement_id as id,
        'agreement' as id_of,
        account_id
    from accounts
),

customer_ids as (
    select distinct
        customer_id as id,
        customer_id
    from accounts
),

rows_of_accounts as (
    {%- for kind, (table, _) in kinds.items() if 'account_id' in raw_columns(table) %}
    select
        '{{ kind }}' as kind,
        '{{ 'agreement' if kind == 'limit' else 'account' }}' as id_of,
        account_id as id,
        held_since as since
    from {{ kind }}_held
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

by_account_id as (
    {{ by_id_or_form('rows_of_accounts', 'account_ids', ['account_id'], of='id_of') | indent(4) }}
),

rows_of_customers as (
    select
        customer_id as id,
        held_since as since
    from customer_held
),

by_customer_id as (
    {{ by_id_or_form('rows_of_customers', 'customer_ids', ['customer_id']) | indent(4) }}
),

withdrawals as (
    select
        customer_id as id,
        held_since as since,
        product_code,
        document_code,
        reporter_code,
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

withdrawals_of_customers as (
    {{ by_id_or_form('withdrawals', 'customer_ids', ['customer_id']) | indent(4) }}
),

by_consent as (
    select
        accounts.account_id,
        'consent' as kind,
        withdrawals.since
    from withdrawals_of_customers as withdrawals
    inner join accounts
        on withdrawals.customer_id = accounts.customer_id
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
    select
        account_id,
        kind,
        since
    from by_account_id
    union all
    select
        accounts.account_id,
        'customer' as kind,
        customers.since
    from by_customer_id as customers
    inner join accounts
        on customers.customer_id = accounts.customer_id
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
    min(case when kind in ('notice', 'dispute') then since end) as moved_since,
    min(case when kind in ('account', 'customer') then since end) as owner_since
from by_account
group by account_id
