-- One row per customer id ever delivered: does it stand (good), wait for its row or is it itself
-- rejected? An account without a customer row is no orphan, but the consents and scores of nobody
-- are.
{{ config(materialized='table') }}

select
    customer_id,
    case
        when max(case when place = 'good' then 1 end) = 1 then 'good'
        when max(case when place = 'quarantined' then 1 end) = 1 then 'rejected'
        else 'waiting'
    end as standing
from {{ ref('landed_customers') }}
where customer_id is not null
group by customer_id
