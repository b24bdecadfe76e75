-- Advance notices as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    notice_id,
    account_id,
    episode_started_on,
    channel,
    text_version,
    sent_at,
    delivered_at,
    recorded_at
from (
    {{ good_rows('adverse_notices') }}
) as good_rows
