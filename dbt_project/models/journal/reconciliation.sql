-- One row per step of the reconciliation, its grain and item: does nothing get lost on the way from
-- the delivered accounts to the files (life cycle, section 11)? Every step is an equation: start
-- and items, with their signs, add up to the total; is_closed says so of the row's institution,
-- product and status. Steps 0 to 3, of a supplement step 3 alone, about its records. Step 4
-- follows once the files are written (records/recount.py).
with run as (
    select
        report_month,
        as_of,
        is_supplement
    from {{ source('run', 'built_months') }}
),

feed as (
    select * from {{ ref('feed_counts') }}
    where table_name = 'accounts'
),

accounts as (
    {%- for item in ['delivered', 'duplicates', 'superseded', 'after_cut_off', 'quarantined'] %}
    select
        '{{ "start" if loop.first else "item" }}' as part,
        '{{ item }}' as item,
        {{ '' if loop.first else '-' }}{{ item }} as accounts
    from feed
    union all
    {%- endfor %}
    select
        'total' as part,
        'accounts' as item,
        count(*) as accounts
    from {{ ref('reportable_population') }}
    where report_month = (select run.report_month from run)
),

steps as (
    select
        0 as step_number,
        'accounts' as step,
        accounts.*
    from accounts
    union all by name
    select
        1 as step_number,
        'ledger' as step,
        ledger.*
    from {{ ref('int_reconciled_ledger') }} as ledger
    union all by name
    select
        2 as step_number,
        'marts' as step,
        marts.*
    from {{ ref('int_reconciled_marts') }} as marts
    union all by name
    select
        3 as step_number,
        'records' as step,
        '210' as record_type,
        records.*
    from {{ ref('int_reconciled_records') }} as records
)

select
    run.report_month,
    run.as_of,
    steps.step_number,
    steps.step,
    steps.reporter_code,
    steps.product_code,
    steps.record_type,
    steps.account_group,
    steps.repayment_status,
    steps.part,
    steps.item,
    cast(steps.accounts as bigint) as accounts,
    cast(steps.balance as decimal(38, 2)) as balance,
    cast(steps.overdue as decimal(38, 2)) as overdue,
    {%- for measure in ['accounts', 'balance', 'overdue'] %}
    coalesce(sum(case
        when steps.part = 'total' then -steps.{{ measure }}
        else steps.{{ measure }}
    end) over grain, 0) = 0{{ ' as is_closed' if loop.last else ' and' }}
    {%- endfor %}
from steps
cross join run
where
    steps.step_number = 3
    or not run.is_supplement
window grain as (
    partition by
        steps.step, steps.reporter_code, steps.product_code, steps.account_group,
        steps.repayment_status
)
