-- Credit limits as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    {{ raw_columns('credit_limits') | join(',\n    ') }}
from {{ ref('landed_credit_limits') }}
where place = 'good'
