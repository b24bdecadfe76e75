-- Every delivered account row that is screened, and its one disposition.
{{ config(materialized='table') }}

{{ screened('accounts', [
    ('ACCOUNT_ID_NOT_ALPHANUMERIC',
        'account_id is null or ' ~ is_alphanumeric('account_id')),
    ('CUSTOMER_ID_MISSING', 'customer_id is not null'),
    ('CUSTOMER_ID_MALFORMED', has_plain_customer_id()),
    ('PRODUCT_CODE_MISSING', 'product_code is not null'),
    ('REPORTER_CODE_NOT_14_CHARACTERS', is_reporter_code('reporter_code')),
    ('OPENED_ON_MISSING', 'opened_on is not null'),
    ('CLOSED_BEFORE_OPENED', 'closed_on is null or opened_on is null or closed_on >= opened_on'),
    ('CLOSURE_KIND_UNKNOWN',
        "closure_kind is null or closure_kind in ('settled', 'transferred')"),
    ('PARENT_ID_NOT_ALPHANUMERIC',
        'parent_account_id is null or ' ~ is_alphanumeric('parent_account_id')),
]) }}
