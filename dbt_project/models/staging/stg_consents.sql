-- Consent events as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    {{ raw_columns('consents') | join(',\n    ') }}
from {{ ref('landed_consents') }}
where place = 'good'
