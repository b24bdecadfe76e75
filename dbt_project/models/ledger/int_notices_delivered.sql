-- One row per account and episode with an advance notice delivered early enough before the file
-- leaves: by the cut-off less the lead days of the setting (Regulation on Credit Reporting, article
-- 15).
select
    account_id,
    episode_started_on,
    min(delivered_at) as delivered_at
from {{ ref('stg_adverse_notices') }}
where delivered_at <= {{ as_of() }} - {{ var('notice_lead_days') }} * interval 1 day
group by account_id, episode_started_on
