-- Disputes as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    {{ raw_columns('disputes') | join(',\n    ') }}
from {{ ref('landed_disputes') }}
where place = 'good'
