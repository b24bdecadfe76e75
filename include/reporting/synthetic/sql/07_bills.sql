-- The amounts due: monthly bills, instalments (some known from the first day), and the interest
-- of an early settlement, due on the day itself.

create table amounts_due as
with demanded as (
    select
        account_no, m, 'B' as kind, statement_on, due_on, principal, interest, fee,
        case when is_draw then turn end as period_number, periods as period_count,
        case
            when is_draw and is_known_early then moment(opened_on, 80000) else
                moment(statement_on, 10800)
        end as known_at
    from cycles join plan using (account_no)
    where principal + interest + fee > 0
    union all
    -- The instalments that a draw known from its first day never reached.
    select
        account_no, calendar.m, 'B', calendar.statement_on, calendar.due_on,
        case
            when calendar.turn < periods then loan // periods else
                loan - loan // periods * (periods - 1)
        end,
        loan * monthly_permille // 1000, 0, calendar.turn, periods, moment(opened_on, 80000)
    from calendar join plan using (account_no)
    left join cycles using (account_no, m)
    where is_draw and is_known_early and calendar.turn <= periods and cycles.account_no is null
    union all
    select
        account_no,
        m,
        'S',
        acts_on,
        acts_on,
        0,
        settlement_interest,
        0,
        null,
        null,
        moment(acts_on, 600)
    from cycles where settlement_interest > 0
    union all
    select
        account_no, opened_m, 'S', opened_on + 8, opened_on + 8, 0, loan // 500, 0, null, null,
        moment(opened_on + 8, 600)
    from plan where is_brief and is_draw
)

select
    *,
    'B' || lpad(account_no::varchar, 8, '0') || kind || lpad((m + 10)::varchar, 3, '0') as bill_id
from demanded
where known_at < getvariable('ends_before');
