-- One row per account and month in scope in which something happened that the bureau wants reported
-- beside the month's state: a write-off, or the end of the account and what was paid to end it
-- (bureau interface, sections 2.6 and 3.8). Amounts in CNY; the replay ignores the amount of
-- a write-off, the record states it.
with written_off as (
    select
        accounts.account_id,
        accounts.report_month,
        min(cast(transactions.occurred_at as date)) as written_off_on,
        sum(transactions.amount) as written_off_amount
    from {{ ref('int_accounts_open') }} as accounts
    inner join {{ ref('int_ledger_versions') }} as versions
        on accounts.account_id = versions.account_id
        and accounts.report_month = versions.read_month
    inner join {{ ref('int_payments_effective') }} as transactions
        on versions.reading_no = transactions.reading_no
        and transactions.occurred_at >= cast(accounts.report_month as timestamp)
    inner join {{ ref('int_authorizations_at_report_date') }} as authorizations
        on accounts.account_id = authorizations.account_id
        and accounts.report_month = authorizations.report_month
    where
        transactions.transaction_type = 'write_off'
        -- nothing from before the authorization is reported, not even of the same month
        and cast(transactions.occurred_at as date) >= cast(authorizations.signed_at as date)
    group by accounts.account_id, accounts.report_month
),

settled as (  -- the repayments of the day of the last one: what settled a closed account
    select
        ledger.account_id,
        ledger.report_month,
        sum(transactions.amount) as settled_amount
    from {{ ref('int_ledger_at_report_date') }} as ledger
    inner join {{ ref('int_accounts_open') }} as accounts
        on ledger.account_id = accounts.account_id
        and ledger.report_month = accounts.report_month
        and accounts.is_closed_in_month
    inner join {{ ref('int_ledger_versions') }} as versions
        on ledger.account_id = versions.account_id
        and ledger.report_month = versions.read_month
    inner join {{ ref('int_payments_effective') }} as transactions
        on versions.reading_no = transactions.reading_no
        and transactions.occurred_at >= cast(ledger.last_paid_on as timestamp)
        and transactions.occurred_at < {{ day_after('ledger.last_paid_on') }}
    where transactions.transaction_type = 'repayment'
    group by ledger.account_id, ledger.report_month
)

select
    accounts.account_id,
    accounts.report_month,
    written_off.written_off_on,
    coalesce(written_off.written_off_amount, 0) as written_off_amount,
    coalesce(settled.settled_amount, 0) as settled_amount
from {{ ref('int_accounts_open') }} as accounts
left join written_off
    on accounts.account_id = written_off.account_id
    and accounts.report_month = written_off.report_month
left join settled
    on accounts.account_id = settled.account_id
    and accounts.report_month = settled.report_month
where
    written_off.written_off_on is not null
    or accounts.is_closed_in_month
