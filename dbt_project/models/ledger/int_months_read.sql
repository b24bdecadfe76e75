-- One row per account recorded by the cut-off and month that this run reads: the report month of
-- every account, and the earlier months that an account still owes (held back for a notice or for a
-- broken rule, contracts, section 3). A pending month is read again with what is known at this cut-
-- off. A run sends records about all of them, a supplement about what is pending alone
-- (is_to_send; life cycle, section 2).
with pending as (
    select distinct
        owed.account_id,
        owed.owed_month as report_month
    from {{ source('history', 'months_owed') }} as owed
    inner join {{ ref('stg_accounts') }} as accounts
        on owed.account_id = accounts.account_id
)

select
    account_id,
    {{ report_month() }} as report_month,
    {{ 'false' if var('is_supplement') else 'true' }} as is_to_send
from {{ ref('stg_accounts') }}
where
    not {{ 'true' if var('is_supplement') else 'false' }}
    or account_id not in (
        select pending.account_id
        from pending
        where pending.report_month = {{ report_month() }}
    )
union all
select
    account_id,
    report_month,
    true as is_to_send
from pending
