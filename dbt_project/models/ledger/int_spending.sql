-- One row per reading, and where its account was ever written off per month: what was spent and
-- drawn by the end of the reading (month is null where the sum of all suffices). Amounts in CNY.
--
-- The millions of plain rows are never looked at one by one: all that was delivered is summed by
-- account (and month, where an account has several readings). What happened later, became known
-- later or has a question is few, and taken out again; what has a question and counts is added by
-- its place. A reading ends with a month, or with the account: what came after its closing day has
-- a question.
with written_off as (
    select distinct reading_no
    from {{ ref('int_payments_effective') }}
    where transaction_type = 'write_off'
),

by_month as (  -- accounts of which the sum of all does not suffice
    select account_id
    from {{ ref('int_ledger_versions') }}
    group by account_id
    having
        count(*) > 1
        or min(ends_before) <> {{ day_after(report_month_end()) }}
    union distinct
    select versions.account_id
    from {{ ref('int_ledger_versions') }} as versions
    inner join written_off
        on versions.reading_no = written_off.reading_no
),

delivered as (
    {%- set until = day_after(report_month_end()) %}
    {%- for rows, sign, where in [
        (delivered('transactions'), '', none),
        (delivered('transactions'), '-', 'rows_.occurred_at >= ' ~ until),
        (delivered('transactions'), '-', is_recorded_later('rows_.')
            ~ ' and coalesce(rows_.occurred_at < ' ~ until ~ ', true)'),
        (ref('screened_transactions'), '-', 'coalesce(rows_.occurred_at < ' ~ until ~ ', true)'),
    ] %}
    select
        rows_.account_id,
        case when by_month.account_id is not null then {{ month_start('rows_.occurred_at') }} end
            as month,
        {{ sign }}sum(rows_.amount) as spent,
        {{ sign }}sum(case when rows_.transaction_type = 'cash_draw' then rows_.amount else 0 end)
            as drawn
    from {{ rows }} as rows_
    left join by_month
        on rows_.account_id = by_month.account_id
    where
        {{ is_one_of('rows_.transaction_type', ['purchase', 'cash_draw']) }}
        {{ 'and ' ~ where if where }}
    group by
        rows_.account_id,
        case when by_month.account_id is not null then {{ month_start('rows_.occurred_at') }} end
    {{ 'union all' if not loop.last }}
    {%- endfor %}
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
        and coalesce(cast(delivered.month as timestamp) < versions.ends_before, true)
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
