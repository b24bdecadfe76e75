-- Step 2 of the reconciliation (life cycle, section 11): from the accounts with a status in the
-- month to those that are reportable, less one item per reason. Amounts in CNY.
{{ config(materialized='ephemeral') }}

with judged as (
    select
        population.reporter_code,
        population.product_code,
        population.is_reportable,
        population.reason_code,
        status.repayment_status,
        status.balance,
        status.overdue_total
    from {{ ref('reportable_population') }} as population
    inner join {{ ref('repayment_status') }} as status
        on population.account_id = status.account_id
        and population.report_month = status.report_month
    where population.report_month = {{ report_month() }}
)

select
    accounts.reporter_code,
    accounts.product_code,
    status.repayment_status,
    'start' as part,
    'accounts' as item,
    count(*) as accounts,
    sum(status.balance) as balance,
    sum(status.overdue_total) as overdue
from {{ ref('repayment_status') }} as status
inner join {{ ref('int_accounts_open') }} as accounts
    on status.account_id = accounts.account_id
    and status.report_month = accounts.report_month
where status.report_month = {{ report_month() }}
group by all
union all
select
    reporter_code,
    product_code,
    repayment_status,
    'item' as part,
    reason_code as item,
    -count(*) as accounts,
    -sum(balance) as balance,
    -sum(overdue_total) as overdue
from judged
where reason_code <> 'REPORTED'
group by all
union all
select
    reporter_code,
    product_code,
    repayment_status,
    'total' as part,
    'REPORTED' as item,
    count(*) as accounts,
    sum(balance) as balance,
    sum(overdue_total) as overdue
from judged
where is_reportable
group by all
