-- Step 3 of the reconciliation (life cycle, section 11): from the account-months to send to the
-- records 210 in files. The start is in yuan and fen, as the marts have it; the items `rounding`
-- and `transferred` (written as zero) lead to the whole yuan of the records.
-- Long, because each part of the equation is a select of its own.
{{ config(materialized='ephemeral') }}

with withheld as (  -- the first rule of severity E that a record fails
    select
        records.account_id,
        cast(date_trunc('month', records.report_date) as date) as report_month,
        min(rules.rule_id) as rule_id
    from {{ ref('submission_records') }} as records
    inner join {{ source('checks', 'bureau_rules') }} as rules
        on list_contains(string_split(records.rule_ids, ', '), rules.rule_id)
        and rules.severity = 'E'
    where
        records.record_type = '210'
        and records.state = 'WITHHELD'
    group by all
),

to_send as (
    select
        population.report_month,
        population.reporter_code,
        population.product_code,
        status.repayment_status,
        status.balance,
        status.overdue_total,
        withheld.rule_id,
        status.repayment_status = 'G' as is_transferred
    from {{ ref('reportable_population') }} as population
    inner join {{ ref('repayment_status') }} as status
        on population.account_id = status.account_id
        and population.report_month = status.report_month
    inner join {{ ref('int_months_read') }} as months
        on population.account_id = months.account_id
        and population.report_month = months.report_month
        and months.is_to_send
    left join withheld
        on population.account_id = withheld.account_id
        and population.report_month = withheld.report_month
    where population.is_reportable
)

select
    reporter_code,
    product_code,
    repayment_status,
    'start' as part,
    case when report_month = {{ report_month() }} then 'month' else 'pending months' end as item,
    count(*) as accounts,
    sum(balance) as balance,
    sum(overdue_total) as overdue
from to_send
group by all
union all
select
    reporter_code,
    product_code,
    repayment_status,
    'item' as part,
    rule_id as item,
    -count(*) as accounts,
    -sum(balance) as balance,
    -sum(overdue_total) as overdue
from to_send
where rule_id is not null
group by all
union all
select
    reporter_code,
    product_code,
    repayment_status,
    'item' as part,
    'rounding' as item,
    0 as accounts,
    sum({{ yuan('balance') }} - balance) as balance,
    sum({{ yuan('overdue_total') }} - overdue_total) as overdue
from to_send
where
    rule_id is null
    and not is_transferred
group by all
union all
select
    reporter_code,
    product_code,
    repayment_status,
    'item' as part,
    'transferred' as item,
    0 as accounts,
    -sum(balance) as balance,
    -sum(overdue_total) as overdue
from to_send
where
    rule_id is null
    and is_transferred
group by all
union all
select
    reporter_code,
    product_code,
    rpy_status as repayment_status,
    'total' as part,
    'records' as item,
    count(*) as accounts,
    sum(acct_bal) as balance,
    sum(tot_overd) as overdue
from {{ ref('submission_records') }}
where
    record_type = '210'
    and state = 'BUILT'
group by all
