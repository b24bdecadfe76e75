-- Transactions as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    {{ raw_columns('transactions') | join(',\n    ') }}
from {{ ref('landed_transactions') }}
where place = 'good'
