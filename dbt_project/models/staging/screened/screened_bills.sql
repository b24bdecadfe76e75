-- Every delivered bill that is screened, and its one disposition. A bill dated after the
-- closing is inside the rules (early settlement).
{{ config(materialized='table') }}

{{ screened('bills', account_rules() + [
    ('STATEMENT_ON_MISSING', 'statement_on is not null'),
    ('DUE_BEFORE_STATEMENT', 'statement_on is null or due_on >= statement_on'),
    ('PRINCIPAL_DUE_NEGATIVE', 'principal_due >= 0'),
    ('INTEREST_DUE_NEGATIVE', 'interest_due >= 0'),
    ('FEE_DUE_NEGATIVE', 'fee_due >= 0'),
    ('MINIMUM_DUE_NEGATIVE', 'minimum_due is null or minimum_due >= 0'),
    ('AMOUNT_TOO_LARGE',
        'coalesce(greatest(principal_due, interest_due, fee_due), 0) <= ' ~ largest_amount()),
    ('STATEMENT_BEFORE_OPENING',
        'statement_on is null or statement_on >= coalesce(opened_on, statement_on)'),
], of='account') }}
