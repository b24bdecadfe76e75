-- Every delivered in-house score with a question about it, and the one place it has.
{{ config(materialized='table') }}

{{ screened('internal_scores', customer_rules() + [
    ('SCORE_MISSING', 'score is not null'),
], of='customer') }}
