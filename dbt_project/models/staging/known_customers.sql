-- One row per id that other rows may name as their customer, and whether it waits for its row.
-- A customer known only from an account counts: the account stays, as IDENTITY_INVALID.
{{ config(materialized='table') }}

with candidates as (
    select
        customer_id,
        place
    from {{ ref('landed_customers') }}
    union all
    select
        customer_id,
        place
    from {{ ref('landed_accounts') }}
)

select
    customer_id,
    case when min(place) = 'after_cut_off' and max(place) = 'after_cut_off' then 'waiting' else 'good' end
        as standing
from candidates
where customer_id is not null
group by customer_id
