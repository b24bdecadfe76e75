-- One row per account with a quarantined row of its own that its records would be told without:
-- since which day there is one, by what it is about. A row that does not say when it happened
-- counts from the beginning, one of which a later version is good does not count. Nor does a
-- quarantined signature: without it nothing is reported.
{%- set kinds = {
    'bill': ('bills', 'statement_on'),
    'transaction': ('transactions', 'cast(occurred_at as date)'),
    'limit': ('credit_limits', 'effective_on'),
    'consent': ('consents', 'cast(occurred_at as date)'),
} %}
with {% for kind, (table, day) in kinds.items() -%}
{{ kind }}_versions as (
    select
        *,
        coalesce({{ day }}, date '1900-01-01') as since,
        max(case when place = 'good' then 1 else 0 end) over (partition by row_key) = 1 as is_mended
    from {{ questioned_rows(table) }} as questioned
),

{{ kind }}_rejected as (
    select *
    from {{ kind }}_versions
    where
        place = 'quarantined'
        and not is_mended
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
        since
    from {{ kind }}_rejected
    union all
    {%- endfor %}
    select
        accounts.account_id,
        'limit' as kind,
        rejected.since
    from limit_rejected as rejected
    inner join accounts
        on rejected.account_id = accounts.agreement_id
    union all
    select
        accounts.account_id,
        'consent' as kind,
        rejected.since
    from consent_rejected as rejected
    inner join accounts
        on rejected.customer_id = accounts.customer_id
        and coalesce(rejected.product_code, accounts.product_code) = accounts.product_code
        and coalesce(rejected.document_code, accounts.document_code) = accounts.document_code
    where
        coalesce(rejected.action, '') <> 'signed'
        or rejected.is_conflicting
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
