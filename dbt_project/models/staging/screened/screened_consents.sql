-- Every delivered consent event that is screened, and its one disposition. An unknown
-- version or another hash of a known document is only a warning: the event still counts. So is an
-- unknown institution in a signature; a withdrawal from one may concern any. A withdrawal dated
-- after its recording cannot be right, and without it the customer would go on being reported.
{{ config(materialized='table') }}

{{ screened('consents', customer_rules() + [
    ('PRODUCT_CODE_MISSING', 'product_code is not null'),
    ('REPORTER_CODE_NOT_14_CHARACTERS', is_reporter_code('reporter_code')),
    ('WITHDRAWAL_REPORTER_UNKNOWN',
        "coalesce(lower(action) = 'signed', false) or reporter_code is null"
        ~ " or reporter_code in (select reporter_code from " ~ ref('reporters') ~ ")"),
    ('DOCUMENT_UNKNOWN',
        'document_code in (' ~ known_documents() ~ ')'),
    ('DOCUMENT_VERSION_MISSING', 'document_version is not null'),
    ('DOCUMENT_HASH_MISSING', 'document_sha256 is not null'),
    ('ACTION_UNKNOWN', "action in ('signed', 'withdrawn')"),
    ('WITHDRAWN_AFTER_RECORDING',
        "coalesce(lower(action) = 'signed', false) or " ~ happened_by_its_recording()),
    ('OCCURRED_AT_MISSING', 'occurred_at is not null'),
    ('CHANNEL_MISSING', 'channel is not null'),
], of='customer') }}
