-- Transactions and bills as the source systems deliver them, with what goes wrong on the way: rows
-- that arrive after the cut-off, rows corrected later, rows delivered twice, and a few that break a
-- rule.

create view moved as
select
    transaction_id,
    account_no,
    transaction_type,
    amount,
    occurred_at,
    reverses_transaction_id,
    -- A payment that is known too late; never one that bounced, whose reversal would come first.
    case
        when
            transaction_type = 'repayment' and dice(500, 'late arrival', account_no, m) = 0
            and transaction_id not in (
                select reverses_transaction_id from money where reverses is not null
            )
            then after_cut_off(occurred_at, account_no, m)
        else learnt(occurred_at, account_no, m)
    end as recorded_at
from money
union all
select
    'T'
    || lpad(account_no::varchar, 8, '0')
    || 'P'
    || lpad((wishes.m + 10)::varchar, 3, '0')
    || item,
    account_no,
    'purchase',
    wishes.amount,
    occurred_at,
    null,
    learnt(occurred_at, account_no, wishes.m * 10 + item)
from wishes
left join cycles using (account_no, m)
where occurred_at < getvariable('ends_before') and (level = 0 or level <= spending_level);

-- Purchases first booked five yuan too high.
create view corrected as
select
    transaction_id,
    account_no,
    transaction_type,
    amount + 500 as amount,
    occurred_at,
    reverses_transaction_id,
    occurred_at + interval 1 minute as recorded_at
from moved
where
    transaction_type = 'purchase'
    and dice(1000, 'corrected', account_no, date_diff('day', date '2000-01-01', occurred_at)) = 0;

create view odd_transactions as
with first_purchases as (
    select * from moved
    where account_no % 1000 = 11
    qualify row_number() over (partition by account_no order by transaction_id) = 1
)

select
    'TNEG' || account_no as transaction_id,
    account_no,
    null as account_id,
    transaction_type,
    -amount as amount,
    occurred_at,
    null as reverses_transaction_id,
    recorded_at
from first_purchases
union all
select
    'TORPHAN' || account_no,
    null,
    'XX' || account_no,
    'purchase',
    amount,
    occurred_at,
    null,
    recorded_at
from first_purchases
union all
select
    'TREV' || account_no, account_no, null, 'reversal', amount, occurred_at, 'TUNKNOWN', recorded_at
from first_purchases
union all
select 'TCONFLICT' || account_no, account_no, null, 'waiver', 100, occurred_at, null, recorded_at
from first_purchases;

create view out_transactions as
with rows_of_accounts as (
    select
        transaction_id,
        account_no,
        null as account_id,
        transaction_type,
        amount,
        occurred_at,
        reverses_transaction_id,
        recorded_at
    from moved
    union all by name
    select * from corrected
    union all by name
    select * from odd_transactions
)

select
    transaction_id,
    coalesce(rows_of_accounts.account_id, plan.account_id) as account_id,
    transaction_type,
    yuan(amount) as amount,
    occurred_at,
    reverses_transaction_id,
    recorded_at
from rows_of_accounts left join plan using (account_no);

-- The second extract: a few rows again, and other content under the key and time of a row of the
-- first.
create view again_transactions as
select out_transactions.*
from out_transactions join plan using (account_id)
where account_no % 499 = 5 and transaction_type = 'repayment'
union all by name
select * replace (amount + 1.00 as amount)
from out_transactions
where transaction_id like 'TCONFLICT%';

create view out_bills as
select
    bill_id,
    account_id,
    statement_on,
    due_on,
    yuan(principal) as principal_due,
    yuan(interest) as interest_due,
    yuan(fee) as fee_due,
    case
        when
            not is_draw and dice(10, 'minimum', account_no) < 3
            then yuan((principal + interest + fee) // 10)
    end as minimum_due,
    period_number::integer as period_number,
    period_count::integer as period_count,
    known_at as recorded_at
from amounts_due join plan using (account_no)
union all
select
    'BBAD' || account_no,
    account_id,
    statement_on,
    statement_on - 1,
    10.00,
    0.00,
    0.00,
    null,
    null,
    null,
    known_at
from amounts_due join plan using (account_no)
where account_no % 1000 = 12
qualify row_number() over (partition by account_no order by bill_id) = 1;
