-- What the holders of revolving accounts would buy. A cycle's purchases count up to the level that
-- the account's state allows (05_one_cycle.sql): 1 the first only, 2 those up to the due day,
-- 3 all; those before the first bill (0) always count.

create table wishes as
with windows as (
    select account_no, m, turn, statement_on as starts_on, next_on, due_on from calendar
    union all
    select calendar.account_no, m - 1, 0, opened_on, statement_on, statement_on
    from calendar join plan using (account_no)
    where turn = 1
),

counted as (
    select
        windows.*,
        monthly_spending,
        case
            when dice(10, 'thrift', account_no, m) = 0 then 0
            else 1 + dice(7, 'purchases', account_no, m)
        end as purchases
    from windows join plan using (account_no)
    where not is_draw
),

bought as (
    select
        account_no,
        m,
        item,
        turn,
        due_on,
        -- Ten yuan and more; a few are large.
        1000 + monthly_spending * dice(60, 'price', account_no, m * 10 + item) // 150
        + case
            when dice(40, 'large', account_no, m * 10 + item) = 0 then monthly_spending else 0
        end as amount,
        starts_on + case
            when item = 0 then dice(2, 'day', account_no, m * 10)
            else dice(next_on - starts_on, 'day', account_no, m * 10 + item)
        end::integer as bought_on
    from counted, range(purchases) as items (item)
)

select
    account_no,
    m,
    item,
    amount,
    moment(bought_on, 25200 + dice(57600, 'time', account_no, m * 10 + item)) as occurred_at,
    case when turn = 0 then 0 when item = 0 then 1 when bought_on <= due_on then 2 else 3 end
        as level
from bought;

create table allowances as
select
    account_no,
    m,
    coalesce(sum(amount) filter (where level <= 1), 0)::bigint as first_only,
    coalesce(sum(amount) filter (where level <= 2), 0)::bigint as until_due,
    sum(amount)::bigint as everything
from wishes
group by all;
