-- Consent events as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
select
    consent_event_id,
    customer_id,
    product_code,
    reporter_code,
    document_code,
    document_version,
    document_sha256,
    action,
    occurred_at,
    channel,
    campaign_code,
    recorded_at
from (
    {{ good_rows('consents') }}
) as good_rows
