-- How late each account is at each month end, by the book's own plan (the exact replay of the
-- ledger is the pipeline's work). Payments never exceed the amounts due but by known left-overs,
-- so running sums suffice.

create table items as
with asked_for as (
    select account_no, due_on, 0 as rank, bill_id as item, principal + interest + fee as amount
    from amounts_due
    union all
    select account_no, occurred_at::date, 1, transaction_id, amount
    from money
    where transaction_type = 'penalty'
)

select
    account_no,
    due_on,
    sum(amount) over (partition by account_no order by due_on, rank, item)::bigint as asked_so_far
from asked_for;

create table month_ends as
with days as (
    select
        account_no,
        m::integer as m,
        least(last_day(month_at(m)), closed_on) as ends_on,
        closed_on is not null and closed_on <= last_day(month_at(m)) as is_closed,
        closure_kind
    from plan
    left join endings using (account_no), range(-3, getvariable('months')) as months (m)
    where opened_on <= last_day(month_at(m)) and (closed_on is null or closed_on >= month_at(m))
),

paid_in_month as (
    select account_no, month_of(occurred_at::date) as m, sum(applied)::bigint as paid
    from money
    group by all
),

asked_in_month as (
    select account_no, month_of(due_on) as m, count(*) as bills from amounts_due group by all
),

late_payments as (
    select distinct account_no, month_of(due_on) as m
    from cycles
    where action = 'late' and month_of(acts_on) = month_of(due_on)
),

paid as (
    select
        days.*,
        coalesce(
            sum(paid_in_month.paid) over (partition by account_no order by days.m), 0
        )::bigint as paid_so_far
    from days left join paid_in_month using (account_no, m)
),

compared as (
    select
        paid.account_no,
        paid.m,
        paid.ends_on,
        paid.is_closed,
        paid.closure_kind,
        case when items.due_on < paid.ends_on then items.due_on end as oldest_due_on
    from paid
    asof left join
        items
        on items.account_no = paid.account_no and paid.paid_so_far < items.asked_so_far
),

written_off as (
    select account_no, min(month_of(acts_on)) as from_m
    from cycles
    where action = 'write off'
    group by all
)

select
    compared.account_no,
    compared.m,
    oldest_due_on,
    case
        when
            not is_closed and written_off.from_m <= compared.m and oldest_due_on is not null
            then 'B'
        when is_closed then case closure_kind when 'transferred' then 'G' else 'C' end
        when
            oldest_due_on is not null
            then least(7, 1 + (ends_on - oldest_due_on - 1) // 30)::varchar
        when
            late_payments.account_no is not null
            or lag(oldest_due_on)
                over (partition by compared.account_no order by compared.m)
            is not null
            then 'M'
        when coalesce(bills, 0) > 0 then 'N'
        else '*'
    end as status,
    status between '1' and '7' or status = 'B' as is_overdue
from compared
left join written_off using (account_no)
left join asked_in_month using (account_no, m)
left join late_payments using (account_no, m);

-- The advance notice of every adverse episode: most are delivered in the first two days of the next
-- month, some late, some not at all.
create view out_adverse_notices as
with episodes as (
    select *
    from month_ends
    qualify
        is_overdue
        and not coalesce(lag(is_overdue) over (partition by account_no order by m), false)
),

sent as (
    select
        *,
        dice(100, 'notice', account_no, m) as fate,
        moment(
            last_day(month_at(m))
            + case when fate < 80 then 1 else 6 + dice(12, 'delay', account_no, m) end::integer,
            32400 + dice(40000, 'sending', account_no, m)
        ) as sent_at
    from episodes
)

select
    'A' || lpad(account_no::varchar, 8, '0') || 'M' || lpad((m + 10)::varchar, 3, '0') as notice_id,
    account_id,
    oldest_due_on as episode_started_on,
    ['app', 'sms', 'sms'][1 + dice(3, 'notice channel', account_no, m)] as channel,
    'v1' as text_version,
    sent_at,
    case when fate < 90 then sent_at + to_seconds(5 + dice(7200, 'delivery', account_no, m)) end
        as delivered_at,
    sent_at + interval 3 hours as recorded_at
from sent join plan using (account_no)
where fate < 95;

create view out_disputes as
select
    'D' || lpad(account_no::varchar, 8, '0') as dispute_id,
    account_id,
    last_day(month_at(m)) - dice(20, 'dispute', account_no)::integer as received_on,
    'does not recognise the overdue amount' as claim,
    month_at(m - 1) as disputed_month,
    received_on + 1 as annotated_on,
    ['upheld', 'error_confirmed', 'unverifiable', null][1 + dice(4, 'outcome', account_no)]
        as outcome,
    case when outcome is not null then received_on + 15 end as answered_on,
    case when outcome = 'unverifiable' then 'the customer contests this amount' end as remark,
    moment(received_on, 61200) as recorded_at
from month_ends join plan using (account_no)
where
    is_overdue
    and m > 0
    and last_day(opened_on) < month_at(m)
    and dice(8, 'disputed', account_no) = 0
qualify row_number() over (partition by account_no order by m) = 2;
