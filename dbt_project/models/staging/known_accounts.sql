-- One row per id that other rows may name as their account: accounts and the agreements of draws.
-- Says whether the id stands (good), waits for its row or is itself quarantined, and how long
-- it lives.
{{ config(materialized='table') }}

with placed as (
    select
        account_id,
        parent_account_id,
        opened_on,
        closed_on,
        'good' as place
    from {{ ref('stg_accounts') }}
    union all
    select
        account_id,
        parent_account_id,
        opened_on,
        closed_on,
        place
    from {{ ref('screened_accounts') }}
    where place <> 'good'
    union all
    select
        account_id,
        parent_account_id,
        opened_on,
        closed_on,
        'after_cut_off' as place
    from {{ delivered('accounts') }}
    where {{ is_recorded_later() }}
),

candidates as (
    select
        account_id,
        false as is_agreement,
        place,
        opened_on,
        closed_on
    from placed
    where account_id is not null
    union all
    select
        parent_account_id as account_id,
        true as is_agreement,
        place,
        cast(null as date) as opened_on,
        cast(null as date) as closed_on
    from placed
    where parent_account_id is not null
)

select
    account_id as known_account_id,
    min(is_agreement) as is_agreement,
    case
        when max(case when place = 'good' then 1 end) = 1 then 'good'
        when min(is_agreement) and max(case when place = 'after_cut_off' then 1 end) = 1
            then 'waiting'
        when max(case when place = 'quarantined' then 1 end) = 1 then 'quarantined'
        else 'waiting'
    end as standing,
    max(case when place = 'good' then opened_on end) as opened_on,
    max(case when place = 'good' then closed_on end) as closed_on,
    -- its life in moments, for those who ask of many millions of rows whether they lie in it
    cast(max(case when place = 'good' then opened_on end) as timestamp) as opened_at,
    {{ day_after("max(case when place = 'good' then closed_on end)") }} as closed_before
from candidates
group by account_id
