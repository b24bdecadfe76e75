-- Every delivered in-house score that is screened, and its one disposition.
{{ config(materialized='table') }}

{{ screened('internal_scores', customer_rules() + [
    ('SCORE_MISSING', 'score is not null'),
], of='customer') }}
