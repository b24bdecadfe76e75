-- One row per open account and month that is read with a limit in force at its report date; of a
-- draw it is its agreement's.
select
    accounts.account_id,
    accounts.report_month,
    max_by(limits.credit_limit, limits.effective_on) as credit_limit
from {{ ref('int_accounts_open') }} as accounts
inner join {{ ref('stg_credit_limits') }} as limits
    on accounts.agreement_id = limits.account_id
    and accounts.report_date >= limits.effective_on
group by accounts.account_id, accounts.report_month
