-- In-house scores as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    customer_id,
    scored_on,
    score,
    recorded_at
from (
    {{ good_rows('internal_scores') }}
) as good_rows
