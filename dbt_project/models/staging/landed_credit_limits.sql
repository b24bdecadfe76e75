-- Every delivered credit limit and the one place it has. Of a draw it stands under the agreement's
-- id.
{{ config(materialized='table') }}

with versions as ({{ versions('credit_limits') }}),

accounts as (
    select
        account_id as known_account_id,
        standing,
        opened_on,
        closed_on
    from {{ ref('known_accounts') }}
),

judged as (
    select
        versions.*,
        accounts.*,
        {{ broken_rules('credit_limits', account_rules() + [
            ('CREDIT_LIMIT_NEGATIVE', 'credit_limit >= 0'),
            ('AMOUNT_TOO_LARGE', 'credit_limit <= ' ~ largest_amount()),
            ('CHANGE_REASON_UNKNOWN',
                "change_reason in ('initial', 'increase', 'decrease', 'suspended', 'ended')"),
            ('EFFECTIVE_OUTSIDE_LIFE', 'effective_on >= coalesce(opened_on, effective_on)'
                ~ ' and effective_on <= coalesce(closed_on, effective_on)'),
        ]) }} as broken_rules
    from versions
    left join accounts
        on versions.account_id = accounts.known_account_id
)

select
    *,
    {{ place(is_waiting="coalesce(standing = 'waiting', false)") }} as place
from judged
