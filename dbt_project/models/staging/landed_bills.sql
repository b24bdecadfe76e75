-- Every delivered bill and the one place it has. A bill dated after the closing is inside the rules
-- (early settlement).
{{ config(materialized='table') }}

with versions as ({{ versions('bills') }}),

accounts as (
    select
        account_id as known_account_id,
        standing,
        opened_on
    from {{ ref('known_accounts') }}
    where not is_agreement
),

judged as (
    select
        versions.*,
        accounts.*,
        {{ broken_rules('bills', account_rules() + [
            ('STATEMENT_ON_MISSING', 'statement_on is not null'),
            ('DUE_BEFORE_STATEMENT', 'due_on >= statement_on'),
            ('PRINCIPAL_DUE_NEGATIVE', 'principal_due >= 0'),
            ('INTEREST_DUE_NEGATIVE', 'interest_due >= 0'),
            ('FEE_DUE_NEGATIVE', 'fee_due >= 0'),
            ('MINIMUM_DUE_NEGATIVE', 'minimum_due is null or minimum_due >= 0'),
            ('AMOUNT_TOO_LARGE',
                'greatest(principal_due, interest_due, fee_due) <= ' ~ largest_amount()),
            ('STATEMENT_BEFORE_OPENING', 'statement_on >= coalesce(opened_on, statement_on)'),
        ]) }} as broken_rules
    from versions
    left join accounts
        on versions.account_id = accounts.known_account_id
)

select
    *,
    {{ place(is_waiting="coalesce(standing = 'waiting', false)") }} as place
from judged
