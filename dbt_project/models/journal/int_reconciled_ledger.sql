-- Step 1 of the reconciliation (life cycle, section 11): what the accounts of an institution and
-- product owe at the report date, their position, against plain sums of what happened. The position
-- is principal and charges; every payment lowers it once, whatever it pays. So the step checks each
-- allocation of a payment without using one.
-- Accounts brought forward open with the position that the month before published, and add what is
-- new since; all others are read whole and open with nothing (docs/decisions/0013).
{{ config(materialized='view') }}

with accounts as (
    select
        accounts.account_id,
        accounts.reporter_code,
        accounts.product_code,
        accounts.report_month,
        accounts.report_date,
        opening.account_id is not null as is_brought_forward,
        case when opening.account_id is null then date '1900-01-01' else accounts.report_month end
            as counts_from
    from {{ ref('int_accounts_open') }} as accounts
    left join {{ ref('accounts_brought_forward') }} as opening
        on accounts.account_id = opening.account_id
    where accounts.report_month = {{ report_month() }}
),

movements as (
    select
        accounts.account_id,
        'opening' as item,
        1 as accounts,
        before.balance - before.credit_balance + before.charges_unpaid as amount
    from accounts
    left join {{ source('history', 'repayment_status') }} as before
        -- a condition on the left side alone would compare every account with every other
        on case when accounts.is_brought_forward then accounts.account_id end = before.account_id
    union all
    select  -- of an account brought forward the rows that are new, whenever they happened
        account_id,
        'spending' as item,
        0 as accounts,
        spent as amount
    from {{ ref('int_spending') }}
    where read_month = {{ report_month() }}
    union all
    select  -- interest and fees that are followed (contracts, section 2, rule 3)
        bills.account_id,
        'charges' as item,
        0 as accounts,
        bills.interest_asked + bills.fee_asked as amount
    from {{ ref('int_bills_due') }} as bills
    inner join accounts
        on bills.account_id = accounts.account_id
        and bills.statement_on between accounts.counts_from and accounts.report_date
    union all
    select
        accounts.account_id,
        case payments.transaction_type
            when 'penalty' then 'penalties'
            when 'repayment' then 'repayments'
            when 'refund' then 'refunds'
            else 'waivers'
        end as item,
        0 as accounts,
        case when payments.transaction_type = 'penalty' then 1 else -1 end * payments.amount
            as amount
    from {{ ref('int_payments_effective') }} as payments
    inner join {{ ref('int_ledger_versions') }} as versions
        on payments.reading_no = versions.reading_no
        and versions.read_month = {{ report_month() }}
    inner join accounts
        on versions.account_id = accounts.account_id
        and payments.occurred_at >= cast(accounts.counts_from as timestamp)
    where payments.transaction_type <> 'write_off'
    union all
    select
        account_id,
        'position' as item,
        1 as accounts,
        balance - credit_balance + charges_unpaid as amount
    from {{ ref('repayment_status') }}
    where report_month = {{ report_month() }}
)

select
    accounts.reporter_code,
    accounts.product_code,
    case when accounts.is_brought_forward then 'brought forward' else 'read whole' end
        as account_group,
    case movements.item when 'opening' then 'start' when 'position' then 'total' else 'item' end
        as part,
    movements.item,
    cast(sum(movements.accounts) as bigint) as accounts,
    cast(coalesce(sum(movements.amount), 0) as decimal(38, 2)) as balance
from movements
inner join accounts
    on movements.account_id = accounts.account_id
group by
    accounts.reporter_code,
    accounts.product_code,
    accounts.is_brought_forward,
    movements.item
