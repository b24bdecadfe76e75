-- Every good bill of an account carried forward that the next month still needs by itself.
select bills.*
from {{ ref('stg_bills') }} as bills
inner join {{ ref('int_carried_from') }} as carried
    on bills.account_id = carried.account_id
    and cast(bills.statement_on as timestamp) >= carried.carried_from
