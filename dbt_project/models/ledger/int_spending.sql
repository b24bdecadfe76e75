-- One row per reading, and where its account was ever written off per month: what was spent and
-- drawn by the end of the reading (month is null where the sum of all suffices). Amounts in CNY.
--
-- The millions of plain rows are never looked at one by one: all that was delivered is summed by
-- account and month, what has a question is taken out again, and those of them that count are added
-- by their place. A reading ends with a month, or with the account: what came after its closing
-- day has a question.
with delivered as (
    select
        account_id,
        {{ month_start('occurred_at') }} as month,
        sum(amount) as spent,
        sum(case when transaction_type = 'cash_draw' then amount else 0 end) as drawn
    from {{ delivered('transactions') }}
    where
        transaction_type in ('purchase', 'cash_draw')
        and recorded_at <= {{ as_of() }}
    group by account_id, {{ month_start('occurred_at') }}
    union all
    select
        account_id,
        {{ month_start('occurred_at') }} as month,
        -amount as spent,
        case when transaction_type = 'cash_draw' then -amount else 0 end as drawn
    from {{ ref('questioned_transactions') }}
    where
        transaction_type in ('purchase', 'cash_draw')
        and recorded_at <= {{ as_of() }}
),

special as (
    {{ effective(special_rows('transactions')) | indent(4) }}
),

spending as (
    select
        versions.reading_no,
        delivered.account_id,
        versions.read_month,
        delivered.month,
        delivered.spent,
        delivered.drawn
    from delivered
    inner join {{ ref('int_ledger_versions') }} as versions
        on delivered.account_id = versions.account_id
        and cast(delivered.month as timestamp) < versions.ends_before
    union all
    select
        reading_no,
        account_id,
        read_month,
        {{ month_start('occurred_at') }} as month,
        amount as spent,
        case when transaction_type = 'cash_draw' then amount else 0 end as drawn
    from special
    where transaction_type in ('purchase', 'cash_draw')
),

written_off as (
    select distinct reading_no
    from {{ ref('int_payments_effective') }}
    where transaction_type = 'write_off'
)

select
    spending.reading_no,
    spending.account_id,
    spending.read_month,
    case when written_off.reading_no is not null then spending.month end as month,
    cast(sum(spending.spent) as decimal(18, 2)) as spent,
    cast(sum(spending.drawn) as decimal(18, 2)) as drawn
from spending
left join written_off
    on spending.reading_no = written_off.reading_no
group by
    spending.reading_no,
    spending.account_id,
    spending.read_month,
    case when written_off.reading_no is not null then spending.month end
