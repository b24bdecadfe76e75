-- One row per account and month that is read in which something was spent: sums by its report date,
-- and before the moment from which the next month still needs the single rows.
select
    transactions.account_id,
    transactions.read_month,
    sum(transactions.amount) as spent,
    sum(case when transactions.transaction_type = 'cash_draw' then transactions.amount else 0 end)
        as drawn,
    sum(case
        when transactions.occurred_at < carried.carried_from then transactions.amount else 0
    end) as spent_before,
    sum(case
        when
            transactions.transaction_type = 'cash_draw'
            and transactions.occurred_at < carried.carried_from
            then transactions.amount
        else 0
    end) as drawn_before
from {{ ref('int_transactions_effective') }} as transactions
left join {{ ref('int_carried_from') }} as carried
    on transactions.reading_no = carried.reading_no
where
    transactions.read_month is not null
    and transactions.transaction_type in ('purchase', 'cash_draw')
group by transactions.account_id, transactions.read_month
