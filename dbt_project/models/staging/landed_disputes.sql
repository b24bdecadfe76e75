-- Every delivered dispute and the one place it has.
{{ config(materialized='table') }}

with versions as ({{ versions('disputes') }}),

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
        {{ broken_rules('disputes', account_rules() + [
            ('RECEIVED_ON_MISSING', 'received_on is not null'),
            ('CLAIM_MISSING', 'claim is not null'),
            ('OUTCOME_UNKNOWN',
                "outcome is null or outcome in ('upheld', 'error_confirmed', 'unverifiable')"),
            ('RECEIVED_BEFORE_OPENING', 'received_on >= coalesce(opened_on, received_on)'),
        ]) }} as broken_rules
    from versions
    left join accounts
        on versions.account_id = accounts.known_account_id
)

select
    *,
    {{ place(is_waiting="coalesce(standing = 'waiting', false)") }} as place
from judged
