-- Accounts as known at the cut-off: the newest version of each key, only rows inside the rules. A
-- maturity or closing after 2099 means none.
select
    account_id,
    customer_id,
    product_code,
    reporter_code,
    opened_on,
    matures_on,
    closed_on,
    closure_kind,
    parent_account_id,
    applied_district,
    recorded_at
from (
    {{ good_rows('accounts') }}
) as good_rows
