-- Every delivered transaction of an account carried forward with a question about it, and its
-- place.
select screened.*
from {{ screened_rows('transactions') }} as screened
inner join {{ ref('int_carried_from') }} as carried
    on screened.account_id = carried.account_id
