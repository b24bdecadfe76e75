-- Credit limits as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    account_id,
    effective_on,
    credit_limit,
    change_reason,
    campaign_code,
    recorded_at
from (
    {{ good_rows('credit_limits') }}
) as good_rows
