-- One row per account and report month, for every account open at any time in the month, reportable
-- or not: what its ledger means at the report date (contracts, section 2). Amounts in CNY. Earlier
-- months that are still pending are read again beside the report month; only the report month is
-- published.
with accounts as (
    select * from {{ ref('int_accounts_open') }}
),

ledger as (
    select * from {{ ref('int_ledger_at_report_date') }}
),

verdicts as (
    select
        ledger.account_id,
        ledger.report_month,
        case  -- the first that applies; how late is "2" stands in seeds/repayment_statuses.csv
            when written_off.account_id is not null then 'B'
            when accounts.is_closed_in_month and accounts.closure_kind = 'transferred' then 'G'
            when accounts.is_closed_in_month then 'C'
            when ledger.has_late then statuses.repayment_status
            when ledger.was_late_in_month then 'M'
            when ledger.amount_due > 0 then 'N'
            else '*'
        end as repayment_status,
        case
            when ledger.has_late
                then {{ days_between('accounts.report_date', 'ledger.oldest_unpaid_due_on') }}
            else 0
        end as days_past_due
    from ledger
    inner join accounts
        on ledger.account_id = accounts.account_id
        and ledger.report_month = accounts.report_month
    left join {{ ref('int_month_ends_written_off') }} as written_off
        on ledger.account_id = written_off.account_id
        and ledger.report_month = written_off.month
    left join {{ ref('repayment_statuses') }} as statuses
        on {{ days_between('accounts.report_date', 'ledger.oldest_unpaid_due_on') }}
        between statuses.from_days and statuses.to_days
)

select
    accounts.report_month,
    accounts.account_id,
    accounts.report_date,
    limits.credit_limit,
    cast(greatest(ledger.balance, 0) as decimal(18, 2)) as balance,
    cast(greatest(-ledger.balance, 0) as decimal(18, 2)) as credit_balance,
    cast(ledger.charges_unpaid as decimal(18, 2)) as charges_unpaid,
    cast(ledger.amount_due as decimal(18, 2)) as amount_due,
    cast(ledger.amount_paid as decimal(18, 2)) as amount_paid,
    ledger.last_paid_on,
    cast(verdicts.days_past_due as integer) as days_past_due,
    cast(
        case when ledger.has_late then greatest(ledger.late_due_dates, 1) else 0 end as integer
    ) as overdue_periods,
    cast(ledger.overdue_total as decimal(18, 2)) as overdue_total,
    cast(ledger.overdue_principal as decimal(18, 2)) as overdue_principal,
    cast(ledger.overdue_principal_31_60 as decimal(18, 2)) as overdue_principal_31_60,
    cast(ledger.overdue_principal_61_90 as decimal(18, 2)) as overdue_principal_61_90,
    cast(ledger.overdue_principal_91_180 as decimal(18, 2)) as overdue_principal_91_180,
    cast(ledger.overdue_principal_over_180 as decimal(18, 2)) as overdue_principal_over_180,
    ledger.oldest_unpaid_due_on,
    cast(case
        when verdicts.repayment_status in ('C', 'G') then 0
        when ledger.balance > ledger.principal_unpaid then greatest(ledger.due_dates_ahead, 1)
        else ledger.due_dates_ahead
    end as integer) as remaining_periods,
    verdicts.repayment_status,
    case
        when verdicts.repayment_status = 'B' then '42'
        when verdicts.repayment_status in ('C', 'G') then '3'
        when ledger.has_late then '2'
        else '1'
    end as account_status,
    coalesce(classes.five_tier_class, '1') as five_tier_class,
    coalesce(classes.five_tier_assigned_on, accounts.opened_on) as five_tier_assigned_on,
    case when verdicts.repayment_status in ('C', 'G') then accounts.closed_on end as closed_on
from accounts
inner join ledger
    on accounts.account_id = ledger.account_id
    and accounts.report_month = ledger.report_month
inner join verdicts
    on accounts.account_id = verdicts.account_id
    and accounts.report_month = verdicts.report_month
left join {{ ref('int_credit_limits_at_report_date') }} as limits
    on accounts.account_id = limits.account_id
    and accounts.report_month = limits.report_month
left join {{ ref('int_five_tier_assigned') }} as classes
    on accounts.account_id = classes.account_id
    and accounts.report_month = classes.report_month
