-- Advance notices as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    {{ raw_columns('adverse_notices') | join(',\n    ') }}
from {{ ref('landed_adverse_notices') }}
where place = 'good'
