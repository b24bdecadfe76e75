-- One row per customer id ever delivered, with its standing: good, waiting (recorded after the
-- cut-off) or quarantined. An account without a customer row is no orphan; consents and
-- scores without one are.
{{ config(materialized='table') }}

with placed as (
    select
        customer_id,
        'good' as place
    from {{ ref('stg_customers') }}
    union all
    select
        customer_id,
        place
    from {{ ref('screened_customers') }}
    where place <> 'good'
    union all
    select
        customer_id,
        'after_cut_off' as place
    from {{ delivered('customers') }}
    where {{ is_recorded_later() }}
)

select
    customer_id as known_customer_id,
    case
        when max(case when place = 'good' then 1 end) = 1 then 'good'
        when max(case when place = 'quarantined' then 1 end) = 1 then 'quarantined'
        else 'waiting'
    end as standing
from placed
where customer_id is not null
group by customer_id
