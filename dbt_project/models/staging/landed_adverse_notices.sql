-- Every delivered advance notice and the one place it has.
{{ config(materialized='table') }}

with versions as ({{ versions('adverse_notices') }}),

accounts as (
    select
        account_id as known_account_id,
        standing,
        opened_on
    from {{ ref('known_accounts') }}
    where not is_agreement
),

judged as (
    select
        versions.*,
        accounts.*,
        {{ broken_rules('adverse_notices', account_rules() + [
            ('EPISODE_MISSING', 'episode_started_on is not null'),
            ('CHANNEL_MISSING', 'channel is not null'),
            ('TEXT_VERSION_MISSING', 'text_version is not null'),
            ('SENT_AT_MISSING', 'sent_at is not null'),
            ('SENT_BEFORE_OPENING',
                'cast(sent_at as date) >= coalesce(opened_on, cast(sent_at as date))'),
            ('DELIVERED_BEFORE_SENT', 'delivered_at is null or delivered_at >= sent_at'),
        ]) }} as broken_rules
    from versions
    left join accounts
        on versions.account_id = accounts.known_account_id
)

select
    *,
    {{ place(is_waiting="coalesce(standing = 'waiting', false)") }} as place
from judged
