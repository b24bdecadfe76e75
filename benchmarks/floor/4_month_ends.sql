-- Every adverse month end since opening, each in the reading of its own month: for the five-tier
-- class and the name of the episode (contracts, section 2, rules 9 and 10; section 3). Those of
-- earlier months are brought forward, where the account is.

create table late_ends as
with item_months as (
    select
        items.*,
        valid_from, valid_before, readings.report_date as last_report_date,
        unnest(generate_series(
            date_trunc('month', late_from)::date,
            least(coalesce(date_trunc('month', paid_off_at)::date, month_start()), month_start()),
            interval 1 month
        ))::date as month
    from items inner join readings using (reading_no)
    where paid_off_at is null or paid_off_at >= late_from
),

at_month_end as (
    select
        *,
        case when month = month_start() then last_report_date else last_day(month) end
            as report_date
    from item_months
    where
        month >= valid_from and month < valid_before
        and (month = month_start() or account_no not in (select account_no from brought))
)

select account_no, month, report_date, min(due_on) as oldest_unpaid_due_on
from at_month_end
where
    late_from <= report_date
    and (paid_off_at is null or paid_off_at >= report_date + interval 1 day)
group by all
union all
select account_no, month, report_date, oldest_unpaid_due_on
from brought_month_ends
where oldest_unpaid_due_on is not null;

create table written_off_ends as
with write_offs as (
    select reading_no, min(occurred_at) as written_off_at
    from payments inner join readings using (account_no)
    where
        transaction_type = 'write_off'
        and occurred_at < ends_before
        and (reversed_in_month is null or reversed_in_month > valid_from)
    group by reading_no
),

month_ends as (
    select
        readings.*,
        written_off_at,
        unnest(generate_series(
            date_trunc('month', written_off_at)::date, month_start(), interval 1 month
        ))::date as month
    from write_offs inner join readings using (reading_no)
),

at_month_end as (
    select
        * replace (
            case when month = month_start() then report_date else last_day(month) end
            as report_date
        )
    from month_ends
    where
        month >= valid_from and month < valid_before
        and (month = month_start() or account_no not in (select account_no from brought))
)

select
    at_month_end.account_no,
    month,
    report_date,
    at_month_end.reading_no,
    written_off_at::date as written_off_on,
    coalesce(max_by(open_amount, entry_number), 0) as open_amount,
    coalesce(max_by(due_less_paid, entry_number), 0) as due_less_paid
from at_month_end left join walked
    on at_month_end.reading_no = walked.reading_no
    and walked.happened_at < report_date + interval 1 day
where written_off_at < report_date + interval 1 day
group by all;

-- With nothing open the balance decides: what was spent less what was billed, and so paid, less
-- what is left over. Spending is summed up to an earlier month end only where there was some after
-- it, or where some was reversed.
create table settled_ends as
with asked as (
    select accounts.*, month, reading_no, written_off_ends.report_date as end_on
    from written_off_ends inner join accounts using (account_no) left join spent using (account_no)
    where
        open_amount = 0
        and (
            last_at >= written_off_ends.report_date + interval 1 day
            or account_no in (
                select account_no from reversals
                where transaction_type in ('purchase', 'cash_draw')
            )
        )
),

rows_of_spending as (
    select account_id, amount, occurred_at, null::date as reversed_in_month
    from raw_transactions semi join asked using (account_id)
    where
        recorded_at <= as_of()
        and transaction_type in ('purchase', 'cash_draw')
        and amount > 0 and amount <= 1000000000000
        and hash(transaction_id) not in (from special)
    union all
    select account_id, amount, occurred_at, reversed_in_month
    from special_rows left join reversals using (account_no, transaction_id, transaction_type)
    where transaction_type in ('purchase', 'cash_draw')
),

spent_by as (
    select asked.account_no, asked.month, coalesce(sum(amount), 0) as amount
    from asked
    inner join readings using (reading_no)
    left join rows_of_spending as r
        on asked.account_id = r.account_id
        and r.occurred_at < asked.end_on + interval 1 day
        and r.occurred_at >= asked.opened_on
        and coalesce(reversed_in_month > readings.valid_from, true)
    group by all
),

billed_by as (
    select account_no, month, sum(principal_asked) as amount
    from written_off_ends inner join bills using (account_no)
    where open_amount = 0 and statement_on <= report_date
    group by all
)

select account_no, month
from written_off_ends
left join spent using (account_no)
left join spent_by using (account_no, month)
left join billed_by using (account_no, month)
left join brought using (account_no)
where
    open_amount = 0
    and coalesce(spent_by.amount, spent.spent, 0) - coalesce(billed_by.amount, 0)
    - coalesce(brought.principal_billed, 0) + due_less_paid <= 0;

create table adverse as
with together as (
    select
        account_no,
        month,
        coalesce(late.report_date, off.report_date) as report_date,
        oldest_unpaid_due_on,
        written_off_on,
        off.month is not null as is_written_off,
        coalesce(late.report_date - oldest_unpaid_due_on, 0) as days_past_due
    from late_ends as late
    full outer join (
        select account_no, month, report_date, written_off_on
        from written_off_ends anti join settled_ends using (account_no, month)
        union all
        select account_no, month, report_date, written_off_on
        from brought_month_ends
        where is_written_off
    ) as off using (account_no, month)
),

compared as (
    select
        together.*,
        case when is_written_off then '5' else five_tier_class end as class,
        coalesce(lag(month) over by_month = (month - interval 1 month)::date, false) as follows,
        lag(case when is_written_off then '5' else five_tier_class end) over by_month
            as class_before
    from together inner join five_tier_classes
        on days_past_due between from_days::integer and to_days::integer
    window by_month as (partition by account_no order by month)
)

select
    *,
    max(case when not follows then month end) over (partition by account_no order by month)
        as episode_month
from compared;

create table five_tier as
with latest as (
    select
        account_no,
        max(month) as last_month,
        max_by(class, month) as last_class,
        max(report_date) filter (not follows or class_before <> class)
            as changed_on
    from adverse
    group by account_no
),

recovered as (
    select account_no, (last_month + interval 1 month)::date as recovery_month
    from latest
    where last_month < month_start()
),

last_payments as (
    select account_no, max(paid_off_at::date) as paid_off_on
    from recovered
    inner join readings using (account_no)
    inner join items using (reading_no, account_no)
    where
        recovery_month >= valid_from and recovery_month < valid_before
        and paid_off_at >= late_from
        and paid_off_at < recovery_month + interval 1 month
    group by account_no
)

select
    account_no,
    case when recovery_month is null then last_class else '1' end as five_tier_class,
    case
        when recovery_month is null then changed_on
        when recovery_month < month_start() and brought.account_no is not null
            then brought.five_tier_assigned_on
        else coalesce(paid_off_on, least(last_day(recovery_month), report_date))
    end as five_tier_assigned_on
from latest
left join recovered using (account_no)
left join last_payments using (account_no)
left join brought using (account_no)
inner join accounts using (account_no);

create table episodes as
select
    now.account_no,
    coalesce(first.oldest_unpaid_due_on, first.written_off_on) as episode_started_on
from adverse as now inner join adverse as first
    on now.account_no = first.account_no and now.episode_month = first.month
where now.month = month_start();
