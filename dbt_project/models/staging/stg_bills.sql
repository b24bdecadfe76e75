-- Bills as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    {{ raw_columns('bills') | join(',\n    ') }}
from {{ ref('landed_bills') }}
where place = 'good'
