-- Every delivered advance notice that is screened, and its one disposition.
{{ config(materialized='table') }}

{{ screened('adverse_notices', account_rules() + [
    ('EPISODE_MISSING', 'episode_started_on is not null'),
    ('CHANNEL_MISSING', 'channel is not null'),
    ('TEXT_VERSION_MISSING', 'text_version is not null'),
    ('SENT_AT_MISSING', 'sent_at is not null'),
    ('SENT_BEFORE_OPENING',
        'sent_at is null or cast(sent_at as date) >= coalesce(opened_on, cast(sent_at as date))'),
    ('DELIVERED_BEFORE_SENT', 'delivered_at is null or sent_at is null or delivered_at >= sent_at'),
], of='account') }}
