-- One row per figure of the month as a whole and what it is about (an institution, a product, a
-- reason, a roll): its value in the report month. Amounts in CNY, shares between 0 and 1. Runs on
-- DuckDB, also where Spark builds the marts.
-- Long, because each metric is one branch of a list.
with status as (
    select
        status.*,
        population.reporter_code,
        population.product_code,
        population.is_reportable,
        before.repayment_status as status_before
    from {{ ref('repayment_status') }} as status
    inner join {{ ref('reportable_population') }} as population
        on status.account_id = population.account_id
        and status.report_month = population.report_month
    left join {{ source('history', 'repayment_status') }} as before
        on status.account_id = before.account_id
    where status.report_month = {{ report_month() }}
),

by_institution as (
    select
        reporter_code as scope,
        count(*) as accounts,
        count_if(amount_due > 0) as billed,
        avg(is_reportable::integer) as reportable_share,
        avg((days_past_due > 0)::integer) as overdue_share,
        avg((amount_due > 0)::integer) as billed_share,
        avg((amount_paid > 0)::integer) filter (where amount_due > 0) as paid_share,
        date_diff('day', max(last_paid_on), {{ report_month_end() }}) as days_without_payment
    from status
    group by reporter_code
),

by_product as (
    select
        product_code as scope,
        count_if(balance > 0) as accounts,
        {{ mean('balance', 'balance > 0') }} as mean_balance,
        {{ mean('credit_limit', 'credit_limit > 0') }} as mean_limit
    from status
    group by product_code
),

reasons as (
    select
        reason_code as scope,
        sum(count(*)) over () as accounts,
        count(*) / sum(count(*)) over () as share
    from {{ ref('reportable_population') }}
    where
        report_month = {{ report_month() }}
        and reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER')
    group by reason_code
),

rolls as (  -- from nothing late to 1, from 1 to 2, ...; and how many of the late recovered
    select
        case when status_before in ('N', '*', 'M') then '0' else status_before end as before,
        repayment_status as now_status,
        try_cast(repayment_status as integer) as now
    from status
    where status_before in ('N', '*', 'M', '1', '2', '3', '4', '5', '6')
),

rolled as (
    select
        before || '>' || (before::integer + 1) as scope,
        count(*) as accounts,
        avg(coalesce(now = before::integer + 1, false)::integer) as share
    from rolls
    group by before
    union all
    select
        'recovered' as scope,
        count(*) as accounts,
        avg((now_status in ('N', '*', 'M', 'C'))::integer) as share
    from rolls
    where before <> '0'
    having count(*) > 0  -- where no one was late, no one can recover
),

owed_now as (
    select sum(balance - credit_balance) as balance
    from status
),

owed_before as (
    select
        count(*) as accounts,
        sum(balance - credit_balance) as balance
    from {{ source('history', 'repayment_status') }}
),

moved as (
    select
        sum(case
            when transaction_type in ('purchase', 'cash_draw') then amount
            when transaction_type in ('repayment', 'refund', 'waiver') then -amount
            else 0
        end) as amount
    from {{ ref('stg_transactions') }}
    where
        occurred_at >= {{ report_month() }}
        and occurred_at < {{ day_after(report_month_end()) }}
),

billed as (  -- what was paid of it lowered no principal; who has closed pays no more
    select sum(bills.interest_due + bills.fee_due) as amount
    from {{ ref('stg_bills') }} as bills
    inner join status
        on bills.account_id = status.account_id
    where bills.due_on between {{ report_month() }} and {{ report_month_end() }}
),

unexplained as (
    select
        owed_before.accounts,
        owed_before.balance as balance_before,
        owed_now.balance - owed_before.balance
        - coalesce(moved.amount, 0) - coalesce(billed.amount, 0) as amount
    from owed_now
    cross join owed_before
    cross join moved
    cross join billed
)

{% for figure, rows in {
    'accounts_open': 'accounts', 'reportable_share': 'accounts', 'overdue_share': 'accounts',
    'billed_share': 'accounts', 'paid_share': 'billed', 'days_without_payment': 'billed',
}.items() -%}
select
    '{{ figure }}' as figure,
    scope,
    {{ 'accounts' if figure == 'accounts_open' else figure }}::double as value,
    {{ rows }} as rows_counted
from by_institution
union all
{% endfor -%}
{% for figure in ['mean_balance', 'mean_limit'] -%}
select
    '{{ figure }}' as figure,
    scope,
    {{ figure }}::double as value,
    accounts as rows_counted
from by_product
union all
{% endfor -%}
select
    'reason_share' as figure,
    scope,
    share::double as value,
    accounts::bigint as rows_counted
from reasons
union all
select
    'superseded_share' as figure,
    table_name as scope,
    (superseded / nullif(delivered - after_cut_off, 0))::double as value,
    delivered as rows_counted
from {{ ref('feed_counts') }}
where delivered > 0
union all
select
    'roll_rate' as figure,
    scope,
    share::double as value,
    accounts as rows_counted
from rolled
union all
select
    'balances_unexplained' as figure,
    'all' as scope,
    (unexplained.amount / nullif(unexplained.balance_before, 0))::double as value,
    unexplained.accounts as rows_counted
from unexplained
where unexplained.accounts > 0
