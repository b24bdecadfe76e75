-- Every delivered dispute that is screened, and its one disposition.
{{ config(materialized='table') }}

{{ screened('disputes', account_rules() + [
    ('RECEIVED_ON_MISSING', 'received_on is not null'),
    ('CLAIM_MISSING', 'claim is not null'),
    ('OUTCOME_UNKNOWN',
        "outcome is null or outcome in ('upheld', 'error_confirmed', 'unverifiable')"),
    ('RECEIVED_BEFORE_OPENING', 
        'received_on is null or received_on >= coalesce(opened_on, received_on)'),
], of='account') }}
