-- The transactions that are read, in three scans: the ids alone, to find what came more than once;
-- all rows, of which the spending is only summed; the few that are replayed.

-- Keys with versions to compare, and those that a reversal names. A colliding hash does no harm:
-- what is picked out is compared by its full id.
create table special as
select key_hash
from (
    select hash(transaction_id) as key_hash
    from raw_transactions
    where recorded_at <= as_of() and transaction_id is not null
) as keys
qualify key_hash = lag(key_hash) over (order by key_hash)
union
select hash(reverses_transaction_id)
from raw_transactions
where recorded_at <= as_of() and transaction_type = 'reversal';

-- Sums of the plain rows of an account, the moments that tell whether all of them lie in its life,
-- and the special rows whole.
create table spending as
select
    account_id,
    sum(amount) filter (not is_special) as spent,
    sum(amount) filter (not is_special and transaction_type = 'cash_draw') as drawn,
    min(occurred_at) filter (not is_special) as first_at,
    max(occurred_at) filter (not is_special) as last_at,
    list({
        'transaction_id': transaction_id, 'transaction_type': transaction_type,
        'amount': amount, 'occurred_at': occurred_at,
        'reverses_transaction_id': reverses_transaction_id, 'recorded_at': recorded_at
    }) filter (is_special) as special_rows
from (
    select *, hash(transaction_id) in (from special) as is_special
    from raw_transactions
    where
        recorded_at <= as_of()
        and transaction_id is not null
)
where
    is_special
    or (
        transaction_type in ('purchase', 'cash_draw')
        and amount > 0 and amount <= 1000000000000
        and occurred_at < month_end() + interval 1 day
    )
group by account_id;

create table others as
select * exclude (recorded_at)
from raw_transactions
where
    recorded_at <= as_of()
    and transaction_id is not null
    and transaction_type in ('repayment', 'refund', 'waiver', 'penalty', 'write_off', 'reversal')
    and hash(transaction_id) not in (from special);

-- The special rows, each key's newest version, inside the row rules.
create table special_rows as
with gathered as (
    select distinct
        transaction_id, account_id, transaction_type, amount, occurred_at,
        reverses_transaction_id, recorded_at
    from (select account_id, unnest(special_rows, recursive := true) from spending)
),

newest as (
    from gathered
    qualify
        recorded_at = max(recorded_at) over (partition by transaction_id)
        and count(*) over (partition by transaction_id, recorded_at) = 1
)

select account_no, newest.*
from newest inner join accounts using (account_id)
where
    transaction_type in (
        'purchase', 'cash_draw', 'repayment', 'refund', 'waiver', 'penalty', 'interest', 'fee',
        'write_off', 'reversal'
    )
    and amount > 0 and amount <= 1000000000000
    and occurred_at >= opened_on
    and (closed_on is null or occurred_at < closed_on + interval 1 day);

-- What is undone, and from which month on it never happened.
create table reversals as
with delivered as (
    select account_no, transaction_id, reverses_transaction_id, occurred_at
    from special_rows
    where transaction_type = 'reversal'
    union all
    select account_no, transaction_id, reverses_transaction_id, occurred_at
    from others inner join accounts using (account_id)
    where
        transaction_type = 'reversal'
        and amount > 0 and amount <= 1000000000000
        and occurred_at >= opened_on
        and (closed_on is null or occurred_at < closed_on + interval 1 day)
)

select
    delivered.account_no,
    delivered.transaction_id as reversal_id,
    target.transaction_id,
    target.transaction_type,
    date_trunc('month', delivered.occurred_at)::date as reversed_in_month,
    delivered.occurred_at as reversed_at
from delivered inner join special_rows as target
    on delivered.reverses_transaction_id = target.transaction_id
where
    target.transaction_type <> 'reversal'
    and target.account_no = delivered.account_no
    and target.occurred_at <= delivered.occurred_at
qualify row_number() over (
    partition by target.transaction_id order by delivered.occurred_at, delivered.transaction_id
) = 1;

-- Accounts with a transaction outside the rules, and since when: their records must wait.
create table rejected_transactions as
with wrong as (
    select account_id, occurred_at
    from raw_transactions
    where
        recorded_at <= as_of()
        and transaction_id is not null
        and not coalesce(
            amount > 0 and amount <= 1000000000000 and occurred_at is not null
            and transaction_type in (
                'purchase', 'cash_draw', 'repayment', 'refund', 'waiver', 'penalty', 'interest',
                'fee', 'write_off', 'reversal'
            ),
            false
        )
        and hash(transaction_id) not in (from special)
    union all
    select account_id, first_at
    from spending inner join accounts using (account_id)
    where first_at < opened_on
    union all
    select account_id, occurred_at
    from others inner join accounts using (account_id)
    where occurred_at < opened_on
    union all
    select account_id, occurred_at
    from (
        from (select account_id, unnest(special_rows, recursive := true) from spending)
        qualify recorded_at = max(recorded_at) over (partition by transaction_id)
    ) as newest
    where newest.transaction_id not in (select transaction_id from special_rows)
    union all
    select account_id, occurred_at
    from (
        select special_rows.account_id, transaction_id, occurred_at
        from special_rows inner join accounts using (account_no)
        where transaction_type = 'reversal'
        union all
        select account_id, transaction_id, occurred_at from others
        where transaction_type = 'reversal'
    ) as every_reversal
    where transaction_id not in (select reversal_id from reversals)
)

select account_id, min(coalesce(occurred_at::date, date '1900-01-01')) as since
from wrong
group by account_id;

delete from reversals using accounts
where
    reversals.account_no = accounts.account_no
    and (not is_open or reversed_at >= report_date + interval 1 day);

-- Spending outside the account's life is found by the extremes and summed again, row by row.
create table spent_again as
with doubtful as (
    select account_no, account_id, opened_on, closed_on
    from spending inner join accounts using (account_id)
    where
        first_at < opened_on
        or last_at >= coalesce(closed_on + interval 1 day, timestamp '9999-01-01')
)

select
    account_id,
    coalesce(sum(amount) filter (is_inside), 0) as spent,
    coalesce(sum(amount) filter (is_inside and transaction_type = 'cash_draw'), 0) as drawn
from (
    select
        *,
        occurred_at >= opened_on
        and (closed_on is null or occurred_at < closed_on + interval 1 day) as is_inside
    from raw_transactions inner join doubtful using (account_id)
    where
        recorded_at <= as_of()
        and transaction_type in ('purchase', 'cash_draw')
        and amount > 0 and amount <= 1000000000000
        and occurred_at < month_end() + interval 1 day
        and hash(transaction_id) not in (from special)
)
group by account_id;

create table spent as
with parts as (
    select account_no, coalesce(spent_again.spent, spending.spent) as spent,
        coalesce(spent_again.drawn, spending.drawn) as drawn, last_at
    from spending
    inner join accounts using (account_id)
    left join spent_again using (account_id)
    union all
    select
        account_no, amount, case when transaction_type = 'cash_draw' then amount end, occurred_at
    from special_rows anti join reversals using (transaction_id)
    where
        transaction_type in ('purchase', 'cash_draw')
        and occurred_at < month_end() + interval 1 day
    union all
    select account_no, spent, drawn, null from brought
)

select
    account_no,
    coalesce(sum(spent), 0) as spent,
    coalesce(sum(drawn), 0) as drawn,
    max(last_at) as last_at
from parts
group by account_no;

create table payments as
select account_no, transaction_type, amount, occurred_at, null::date as reversed_in_month
from others inner join accounts using (account_id)
where
    is_open
    and transaction_type <> 'reversal'
    and amount > 0 and amount <= 1000000000000
    and occurred_at >= opened_on
    and occurred_at < report_date + interval 1 day
union all
select account_no, transaction_type, amount, occurred_at, reversed_in_month
from special_rows inner join accounts using (account_no)
left join reversals using (account_no, transaction_id, transaction_type)
where
    is_open
    and transaction_type in ('repayment', 'refund', 'waiver', 'penalty', 'write_off')
    and occurred_at < report_date + interval 1 day
union all
select *, null from brought_payments
union all  -- what a settled past has left over comes before everything
select account_no, 'left_over', left_over, timestamp '1900-01-01', null
from brought
where left_over > 0;

create table bills as
select
    account_no,
    bill_id,
    statement_on,
    due_on,
    due_on + grace_days + 1 as late_from,
    period_count,
    case
        when due_basis = 'minimum_due' and minimum_due is not null then minimum_due
        else fee_due + interest_due + principal_due
    end as at_most,
    least(fee_due, at_most)::decimal(18, 2) as fee_asked,
    least(interest_due, greatest(at_most - fee_due, 0))::decimal(18, 2) as interest_asked,
    least(principal_due, greatest(at_most - fee_due - interest_due, 0))::decimal(18, 2)
        as principal_asked,
    fee_asked + interest_asked + principal_asked as asked
from known_bills inner join accounts using (account_id)
where
    is_open
    and due_on >= statement_on
    and principal_due between 0 and 1000000000000
    and interest_due between 0 and 1000000000000
    and fee_due between 0 and 1000000000000
    and (minimum_due is null or minimum_due >= 0)
    and statement_on >= opened_on
union all by name
from brought_bills;

create table rejected_bills as
select known_bills.account_id, min(coalesce(statement_on, date '1900-01-01')) as since
from known_bills inner join accounts using (account_id)
where
    not coalesce(
        due_on >= statement_on
        and principal_due between 0 and 1000000000000
        and interest_due between 0 and 1000000000000
        and fee_due between 0 and 1000000000000
        and (minimum_due is null or minimum_due >= 0)
        and statement_on >= opened_on,
        false
    )
group by known_bills.account_id;

drop table spending;
drop table others;
