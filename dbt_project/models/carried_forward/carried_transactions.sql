-- Every good transaction of an account carried forward that the next month still needs by itself:
-- from carried_from on what is no spending, and the spending known by now that happens later. All
-- other spending goes on as a sum.
with needed as (
    select *
    from {{ ref('stg_payments') }}
    union all
    select *
    from {{ ref('stg_transactions') }}
    where
        transaction_type in ('purchase', 'cash_draw')
        and occurred_at >= {{ day_after(report_month_end()) }}
)

select needed.*
from needed
inner join {{ ref('int_carried_from') }} as carried
    on needed.account_id = carried.account_id
    and needed.occurred_at >= carried.carried_from
