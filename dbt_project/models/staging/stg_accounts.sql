-- Accounts as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    {{ raw_columns('accounts') | join(',\n    ') }}
from {{ ref('landed_accounts') }}
where place = 'good'
