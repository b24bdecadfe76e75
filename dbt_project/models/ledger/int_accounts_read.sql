-- One row per account of which this run reads a month in which it is open: at the newest of these
-- months, where the reading of its ledger ends.
select *
from {{ ref('int_accounts_open') }}
qualify row_number() over (
    partition by account_id
    order by report_month desc
) = 1
