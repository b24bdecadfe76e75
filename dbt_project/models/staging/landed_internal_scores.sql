-- Every delivered in-house score and the one place it has.
{{ config(materialized='table') }}

with versions as ({{ versions('internal_scores') }}),

customers as (
    select
        customer_id as known_customer_id,
        standing
    from {{ ref('known_customers') }}
),

judged as (
    select
        versions.*,
        customers.*,
        {{ broken_rules('internal_scores', [
            ('CUSTOMER_UNKNOWN', 'known_customer_id is not null'),
            ('CUSTOMER_REJECTED', "standing <> 'rejected'"),
            ('SCORE_MISSING', 'score is not null'),
        ]) }} as broken_rules
    from versions
    left join customers
        on versions.customer_id = customers.known_customer_id
)

select
    *,
    {{ place(is_waiting="coalesce(standing = 'waiting', false)") }} as place
from judged
