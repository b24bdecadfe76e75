-- Every delivered consent event with a question about it, and the one place it has. An unknown
-- version or another hash of a known document is only a warning: the event still counts.
{{ config(materialized='table') }}

{{ questioned('consents', [
    ('CUSTOMER_UNKNOWN', 'known_customer_id is not null'),
    ('CUSTOMER_REJECTED', "standing <> 'rejected'"),
    ('PRODUCT_CODE_MISSING', 'product_code is not null'),
    ('REPORTER_CODE_NOT_14_CHARACTERS', matches_fully('reporter_code', '[A-Za-z0-9]{14}')),
    ('DOCUMENT_UNKNOWN',
        "document_code in (select document_code from " ~ ref('consent_texts')
        ~ " union all select document_code from " ~ ref('stg_product_policy') ~ ")"),
    ('DOCUMENT_VERSION_MISSING', 'document_version is not null'),
    ('DOCUMENT_HASH_MISSING', 'document_sha256 is not null'),
    ('ACTION_UNKNOWN', "action in ('signed', 'withdrawn')"),
    ('OCCURRED_AT_MISSING', 'occurred_at is not null'),
    ('CHANNEL_MISSING', 'channel is not null'),
], of='customer') }}
