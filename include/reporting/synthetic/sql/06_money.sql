-- Every movement on an account but the purchases. Applied = what it pays of the items due, in
-- cents; a reversal takes that back.

create table money as
with moments as (
    select
        cycles.*,
        is_draw,
        case
            when
                acts_on = due_on and dice(100, 'last second', account_no, m) < 35
                then moment(acts_on, 86399)
            else moment(acts_on, 25200 + dice(57600, 'pay time', account_no, m))
        end as acts_at,
        action = 'on time'
        and acts_on - 2 >= statement_on
        and dice(250, 'fails first', account_no, m) = 0 as fails_first
    from cycles join plan using (account_no)
),

movements as (
    select
        account_no,
        m,
        'R' as kind,
        'repayment' as transaction_type,
        paid as amount,
        acts_at as occurred_at,
        paid - leftover as applied,
        null as reverses
    from moments where paid > 0
    union all
    select account_no, m, 'X', 'repayment', paid, moment(acts_on - 2, 36000), paid, null
    from moments
    where fails_first
    union all
    select account_no, m, 'Y', 'reversal', paid, moment(acts_on - 1, 39600), -paid, 'X'
    from moments
    where fails_first
    union all
    select
        account_no,
        bounced_m,
        'V',
        'reversal',
        bounced,
        moment(calendar.statement_on + 2, 36000),
        -bounced,
        'R'
    from moments join calendar using (account_no)
    where moments.m = bounced_m and calendar.m = bounces_in_m
    union all
    select account_no, m, 'F', 'refund', refunded, moment(statement_on + 1, 54000), refunded, null
    from moments where refunded > 0
    union all
    select account_no, m, 'W', 'waiver', waived, moment(acts_on, 7200), waived, null
    from moments
    where waived > 0
    union all
    select account_no, m, 'N', 'penalty', penalty_when_paid, moment(acts_on, 3600), 0, null
    from moments where penalty_when_paid > 0
    union all
    select account_no, m, 'Z', 'penalty', penalty_at_end, moment(next_on - 1, 82800), 0, null
    from moments where penalty_at_end > 0
    union all
    select account_no, m, 'O', 'write_off', owed, acts_at, 0, null
    from moments
    where action = 'write off' and owed > 0
    union all
    select account_no, m, 'I', 'interest', interest, moment(statement_on, 1800), 0, null
    from moments
    where interest > 0
    union all
    select account_no, m, 'E', 'fee', fee, moment(statement_on, 1860), 0, null
    from moments
    where fee > 0
    union all
    select
        account_no,
        opened_m,
        'D',
        'cash_draw',
        loan,
        moment(opened_on, 36000 + dice(40000, 'draw', account_no)),
        0,
        null
    from plan where is_draw
    union all
    -- Opened and closed within one month: all is paid back before the first bill.
    select
        account_no, opened_m, 'Q', 'purchase', monthly_spending, moment(opened_on, 43200), 0, null
    from plan where is_brief and not is_draw
    union all
    select
        account_no,
        opened_m,
        'R',
        'repayment',
        case when is_draw then loan + loan // 500 else monthly_spending end,
        moment(opened_on + 8, 50000),
        case when is_draw then loan + loan // 500 else 0 end,
        null
    from plan where is_brief
)

select
    *,
    'T'
    || lpad(account_no::varchar, 8, '0')
    || kind
    || lpad((m + 10)::varchar, 3, '0') as transaction_id,
    'T'
    || lpad(account_no::varchar, 8, '0')
    || reverses
    || lpad((m + 10)::varchar, 3, '0') as reverses_transaction_id
from movements
where occurred_at < getvariable('ends_before');

-- The last day of an account, as far as the book goes.
create table endings as
select account_no, closed_on, closure_kind from cycles
where closed_on < getvariable('ends_before')
union all
select account_no, opened_on + 8 + case when is_draw then 0 else 2 end, 'settled'
from plan
where is_brief;
