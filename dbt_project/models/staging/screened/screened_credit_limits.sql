-- Every delivered credit limit that is screened, and its one disposition. Of a draw it
-- stands under the agreement's id.
{{ config(materialized='table') }}

{{ screened('credit_limits', account_rules() + [
    ('CREDIT_LIMIT_NEGATIVE', 'credit_limit >= 0'),
    ('AMOUNT_TOO_LARGE', 'credit_limit is null or credit_limit <= ' ~ largest_amount()),
    ('CHANGE_REASON_UNKNOWN',
        "change_reason in ('initial', 'increase', 'decrease', 'suspended', 'ended')"),
    ('EFFECTIVE_OUTSIDE_LIFE', 'effective_on is null'
        ~ ' or (effective_on >= coalesce(opened_on, effective_on)'
        ~ ' and effective_on <= coalesce(closed_on, effective_on))'),
], of='account', may_be_agreement=true) }}
