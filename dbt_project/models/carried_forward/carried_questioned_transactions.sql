-- Every delivered transaction of an account carried forward with a question about it, and its
-- place.
select questioned.*
from {{ questioned_rows('transactions') }} as questioned
inner join {{ ref('int_carried_from') }} as carried
    on questioned.account_id = carried.account_id
