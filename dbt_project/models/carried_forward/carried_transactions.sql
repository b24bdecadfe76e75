-- Every good transaction of an account carried forward that the next month still needs by itself:
-- from carried_from on what is no spending, the spending known by now that happens later, and the
-- write-off that stands, however old. All other spending goes on as a sum.
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
union all
select write_offs.*
from {{ ref('stg_payments') }} as write_offs
inner join {{ ref('int_carried_from') }} as carried
    on write_offs.account_id = carried.account_id
    and write_offs.occurred_at < carried.carried_from
    and carried.reading_no is not null
{{ anti_join() }} {{ ref('int_reversals_applied') }} as reversed
    on write_offs.transaction_id = reversed.transaction_id
where write_offs.transaction_type = 'write_off'
