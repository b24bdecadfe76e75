-- One row per open account with a limit in force at its report date; of a draw it is its
-- agreement's.
select
    accounts.account_id,
    max_by(limits.credit_limit, limits.effective_on) as credit_limit,
    min(limits.effective_on) as first_effective_on
from {{ ref('int_accounts_open') }} as accounts
inner join {{ ref('stg_credit_limits') }} as limits
    on accounts.agreement_id = limits.account_id
    and accounts.report_date >= limits.effective_on
group by accounts.account_id
