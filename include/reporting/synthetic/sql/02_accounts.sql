-- Who holds what. Of every twenty accounts, thirteen are revolving and seven are draws under an
-- agreement; they belong to fourteen customers, one with two revolving products and two with
-- several draws.

create table slots as
select
    account_no,
    account_no % 20 as slot,
    account_no // 20 * 14
    + [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3, 0, 0, 1, 12, 12, 12, 13][1 + account_no % 20]
        as customer_no,
    account_no % 20 > 12 as is_draw,
    account_no % 199 = 7 as is_brief
from range(getvariable('accounts')) as numbers (account_no);

create table held as
select
    *,
    case
        when is_draw and dice(100, 'loan product', customer_no) < 70 then 'JIEBEI'
        when is_draw and dice(100, 'loan product', customer_no) < 85 then 'GOLD_BAR'
        when is_draw then 'WEILIDAI'
        when
            slot = 12 or (slot <> 3 and dice(100, 'pay-later product', customer_no) >= 85)
            then 'BAITIAO'
        else 'HUABEI'
    end as product_code,
    case
        when dice(100, 'reporter', customer_no, is_draw::integer) < 70
            then 'N101W1100H0017'
        else 'N101W1100H0025'
    end as reporter_code,
    -- Three quarters of the revolving accounts are as old as the book; draws come evenly.
    case
        when is_brief
            then
                month_at(dice(getvariable('months'), 'brief month', account_no))
                + (2 + dice(14, 'brief day', account_no))::integer
        when is_draw
            then
                getvariable('first_month') - 90
                + dice(87 + getvariable('days'), 'opened', account_no)::integer
        when dice(100, 'old', account_no) < 75
            then
                getvariable('first_month') - 90
                + dice(90, 'opened', account_no)::integer
        else
            getvariable('first_month')
            + dice(getvariable('days') - 3, 'opened', account_no)::integer
    end as opened_on
from slots;

-- Everything about an account that is settled on its first day. A few customers are poor payers
-- (risk in percent of the average); a cycle is one bill and what the customer does about it.
create table plan as
select
    *,
    case product_code
        when 'HUABEI' then 'HB' when 'BAITIAO' then 'BT' when 'JIEBEI' then 'JB'
        when 'GOLD_BAR' then 'GB' else 'WD'
    end || lpad(account_no::varchar, 8, '0') as account_id,
    'C' || lpad(customer_no::varchar, 8, '0') as customer_id,
    case when is_draw then left(product_code, 1) || 'AG' || lpad(customer_no::varchar, 8, '0') end
        as agreement_id,
    case when dice(100, 'payer', customer_no) < 14 then 420 else 45 end as risk,
    month_of(opened_on) as opened_m,
    case when is_draw then [3, 6, 12][1 + dice(3, 'periods', account_no)] end as periods,
    (5 + dice(196, 'loan', account_no)) * 10000 as loan,
    8 + dice(6, 'rate', account_no) as monthly_permille,
    dice(100, 'known early', account_no) < 60 as is_known_early,
    case when dice(10, 'lead', account_no) < 7 then 10 else 0 end as lead_days,
    [1, 1, 1, 1, 1, 5, 10, 20][1 + dice(8, 'cycle', customer_no)] as statement_day,
    [9, 9, 14, 19, 9, 10, 10, 18][1 + dice(8, 'cycle', customer_no)] as days_to_pay,
    30000 + dice(300, 'spending', customer_no) * 1000 as monthly_spending
from held;

-- The cycles that an account may have: the calendar only.
create table calendar as
with turns as (
    select
        plan.*,
        m::integer as m,
        case
            when is_draw then (opened_on + to_months((m - opened_m)::integer))::date - lead_days
            else month_at(m) + (statement_day - 1)
        end as statement_on,
        case
            when is_draw then (opened_on + to_months((m + 1 - opened_m)::integer))::date - lead_days
            else month_at(m + 1) + (statement_day - 1)
        end as next_on
    from plan, range(-3, getvariable('months') + 1) as months (m)
    where not is_brief
)

select
    account_no,
    m,
    statement_on,
    next_on,
    statement_on + case when is_draw then lead_days else days_to_pay end as due_on,
    row_number() over (partition by account_no order by m) as turn
from turns
where case when is_draw then m > opened_m else statement_on >= opened_on + 3 end;
