-- One row per account and adverse month end since opening (something late, or written off and
-- owed), each in its own month's reading as known at this cut-off, with its five-tier class and
-- what came right before. Months without a row were clean: class 1.
{%- set columns = ['account_id', 'month', 'report_date', 'oldest_unpaid_due_on', 'days_past_due',
    'written_off_on', 'is_written_off'] %}
with adverse as (  -- an account brought forward keeps its earlier months
    select
        coalesce(late.account_id, written_off.account_id) as account_id,
        coalesce(late.month, written_off.month) as month,
        coalesce(late.report_date, written_off.report_date) as report_date,
        late.oldest_unpaid_due_on,
        coalesce(late.days_past_due, 0) as days_past_due,
        written_off.written_off_on,
        written_off.account_id is not null as is_written_off
    from {{ ref('int_month_ends_late') }} as late
    full outer join {{ ref('int_month_ends_written_off') }} as written_off
        on late.account_id = written_off.account_id
        and late.month = written_off.month
    union all
    {{ rows_brought_forward('month_ends_adverse', columns) | indent(4) }}
),

classified as (
    select
        adverse.*,
        case when adverse.is_written_off then '5' else classes.five_tier_class end
            as five_tier_class
    from adverse
    left join {{ ref('five_tier_classes') }} as classes
        on adverse.days_past_due between classes.from_days and classes.to_days
)

select
    *,
    lag(month) over (partition by account_id order by month) = {{ add_months('month', -1) }}
        as follows_adverse,
    lag(five_tier_class) over (partition by account_id order by month) as class_before
from classified
