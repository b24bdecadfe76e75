-- One row per account with a quarantined row of its own that its records would be told without:
-- since which day there is one, by what it is about. The row counts for every account that a
-- version of it names: a newer version may have lost or changed the account. A row that does not
-- say when it happened counts from the beginning, one that a later version settles does not count.
-- Nor does a quarantined signature: without it nothing is reported.
{%- set kinds = {
    'bill': ('bills', 'statement_on'),
    'transaction': ('transactions', 'cast(occurred_at as date)'),
    'limit': ('credit_limits', 'effective_on'),
    'consent': ('consents', 'cast(occurred_at as date)'),
} %}
with {% for kind, (table, day) in kinds.items() -%}
{{ kind }}_told as (
    select
        *,
        coalesce({{ day }}, date '1900-01-01') as since,
        -- what the row says, whenever it was recorded
        md5(concat_ws(
            '|',
            {{ every_value(raw_columns(table) | reject('equalto', 'recorded_at') | list) }}
        )) as facts
    from {{ questioned_rows(table) }} as questioned
),

{{ kind }}_versions as (
    select
        *,
        case  -- rows without a key are no versions of each other
            when {{ raw_key(table) | join(' is null or ') }} is null
                then concat_ws('|', '', row_key, facts)
            else row_key
        end as version_of
    from {{ kind }}_told
),

{{ kind }}_compared as (
    select
        *,
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
        and (coalesce(action, '') <> 'signed' or is_conflicting)
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
        coalesce(accounts.parent_account_id, accounts.account_id) as agreement_id,
        policy.document_code
    from {{ ref('stg_accounts') }} as accounts
    inner join {{ ref('stg_product_policy') }} as policy
        on accounts.product_code = policy.product_code
),

by_account as (
    {%- for kind in ['bill', 'transaction'] %}
    select
        account_id,
        '{{ kind }}' as kind,
        held_since as since
    from {{ kind }}_held
    union all
    {%- endfor %}
    select
        accounts.account_id,
        'limit' as kind,
        held.held_since as since
    from limit_held as held
    inner join accounts
        on held.account_id = accounts.agreement_id
    union all
    select
        accounts.account_id,
        'consent' as kind,
        held.held_since as since
    from consent_held as held
    inner join accounts
        on held.customer_id = accounts.customer_id
        and coalesce(held.product_code, accounts.product_code) = accounts.product_code
        and coalesce(held.document_code, accounts.document_code) = accounts.document_code
)

select
    account_id,
    min(case when kind = 'bill' then since end) as bill_since,
    min(case when kind = 'transaction' then since end) as transaction_since,
    min(case when kind = 'limit' then since end) as limit_since,
    min(case when kind = 'consent' then since end) as consent_since
from by_account
where account_id is not null
group by account_id
