-- One row per id that other rows may name as their account: accounts and the agreements of draws.
-- Says whether the id stands (good), waits for its row or is itself rejected, and how long it
-- lives.
{{ config(materialized='table') }}

with candidates as (
    select
        account_id,
        false as is_agreement,
        place,
        opened_on,
        closed_on
    from {{ ref('landed_accounts') }}
    where account_id is not null
    union all
    select
        parent_account_id as account_id,
        true as is_agreement,
        place,
        cast(null as date) as opened_on,
        cast(null as date) as closed_on
    from {{ ref('landed_accounts') }}
    where parent_account_id is not null
)

select
    account_id,
    min(is_agreement) as is_agreement,
    case
        when max(case when place = 'good' then 1 end) = 1 then 'good'
        when min(is_agreement) and max(case when place = 'after_cut_off' then 1 end) = 1
            then 'waiting'
        when max(case when place = 'quarantined' then 1 end) = 1 then 'rejected'
        else 'waiting'
    end as standing,
    max(case when place = 'good' then opened_on end) as opened_on,
    max(case when place = 'good' then closed_on end) as closed_on
from candidates
group by account_id
