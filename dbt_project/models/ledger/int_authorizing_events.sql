-- One row per signature or withdrawal of the document that authorizes reporting for the product
-- (its own document_code in the policy), with the unbroken period it belongs to: a period starts
-- with a signature that finds none in force and ends with a withdrawal. At one instant a withdrawal
-- beats a signature.
with events as (
    select
        consents.consent_event_id,
        consents.customer_id,
        consents.product_code,
        consents.reporter_code,
        consents.occurred_at,
        consents.action = 'signed' as is_signature,
        row_number() over (
            partition by consents.customer_id, consents.product_code, consents.reporter_code
            order by consents.occurred_at, consents.action, consents.consent_event_id
        ) as event_number  -- 'signed' sorts before 'withdrawn'
    from {{ ref('stg_consents') }} as consents
    inner join {{ ref('stg_product_policy') }} as policy
        on consents.product_code = policy.product_code
        and consents.document_code = policy.document_code
),

opened as (
    select
        *,
        is_signature and not lag(is_signature, 1, false) over (
            partition by customer_id, product_code, reporter_code
            order by event_number
        ) as opens_period
    from events
)

select
    *,
    sum(case when opens_period then 1 else 0 end) over (
        partition by customer_id, product_code, reporter_code
        order by event_number
    ) as period_number
from opened
