-- In-house scores as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    {{ raw_columns('internal_scores') | join(',\n    ') }}
from {{ ref('landed_internal_scores') }}
where place = 'good'
