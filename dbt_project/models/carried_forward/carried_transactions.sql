-- Every good transaction of an account carried forward that the next month still needs by itself.
select transactions.*
from {{ ref('stg_transactions') }} as transactions
inner join {{ ref('int_carried_from') }} as carried
    on transactions.account_id = carried.account_id
    and transactions.occurred_at >= carried.carried_from
