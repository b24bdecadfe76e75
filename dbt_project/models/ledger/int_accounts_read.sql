-- One row per account of which this run reads a month in which it is open: at the newest of these
-- months, at which its ledger ends; and the first of its month ends to derive here.
-- An account brought forward keeps its earlier month ends.
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
