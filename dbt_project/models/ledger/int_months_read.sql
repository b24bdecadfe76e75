-- One row per account recorded by the cut-off and month that this run reads: the report month of
-- every account, and the earlier months that an account still owes (held back for a notice or for a
-- broken rule, contracts, section 3). A pending month is read again with what is known at this cut-
-- off.
select
    account_id,
    {{ report_month() }} as report_month
from {{ ref('stg_accounts') }}
union all
select
    owed.account_id,
    owed.owed_month as report_month
from {{ source('history', 'months_owed') }} as owed
inner join {{ ref('stg_accounts') }} as accounts
    on owed.account_id = accounts.account_id
