-- One row per account of which this run reads a month in which it is open: at the newest of these
-- months, where the reading of its ledger ends; and from which month on its month ends are told.
-- Of an account brought forward, those of earlier months stand as they were told then.
with newest as (
    select *
    from {{ ref('int_accounts_open') }}
    qualify row_number() over (
        partition by account_id
        order by report_month desc
    ) = 1
)

select
    newest.*,
    case when opening.account_id is null then date '1900-01-01' else newest.report_month end
        as month_ends_from
from newest
left join {{ ref('accounts_brought_forward') }} as opening
    on newest.account_id = opening.account_id
