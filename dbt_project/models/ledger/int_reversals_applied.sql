-- One row per reversed transaction: from which month on it never happened. A reversal rewrites the
-- months from its own on and none before (contracts, section 2, rule 1).
select
    reversals.account_id,
    reversals.reverses_transaction_id as transaction_id,
    {{ month_start('reversals.occurred_at') }} as reversed_in_month
from {{ special_rows('transactions') }} as reversals
inner join {{ ref('int_accounts_read') }} as accounts
    on reversals.account_id = accounts.account_id
where
    reversals.transaction_type = 'reversal'
    and reversals.occurred_at < {{ day_after('accounts.report_date') }}
