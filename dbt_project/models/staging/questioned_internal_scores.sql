-- Every delivered in-house score with a question about it, and the one place it has.
{{ config(materialized='table') }}

{{ questioned('internal_scores', [
    ('CUSTOMER_UNKNOWN', 'known_customer_id is not null'),
    ('CUSTOMER_REJECTED', "standing <> 'rejected'"),
    ('SCORE_MISSING', 'score is not null'),
], of='customer') }}
