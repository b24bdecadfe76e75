-- One row per reading, and where its account was ever written off per month: what was spent and
-- drawn by the end of the reading (month is null where the sum of all suffices). Amounts in CNY.
with written_off as (
    select distinct reading_no
    from {{ ref('int_payments_effective') }}
    where transaction_type = 'write_off'
)

select
    transactions.reading_no,
    transactions.account_id,
    transactions.read_month,
    case
        when written_off.reading_no is not null
            then {{ month_start('transactions.occurred_at') }}
    end as month,
    sum(transactions.amount) as spent,
    sum(case when transactions.transaction_type = 'cash_draw' then transactions.amount else 0 end)
        as drawn
from {{ ref('int_transactions_effective') }} as transactions
left join written_off
    on transactions.reading_no = written_off.reading_no
where transactions.transaction_type in ('purchase', 'cash_draw')
group by
    transactions.reading_no,
    transactions.account_id,
    transactions.read_month,
    case
        when written_off.reading_no is not null
            then {{ month_start('transactions.occurred_at') }}
    end
