-- The month-end status of every account by hand in Spark SQL: the replay of the floor
-- (benchmarks/floor), with what a hand writing for Spark writes in another way. Only what the status
-- needs is here; who is reportable is not.

create table accounts using parquet as
select
    monotonically_increasing_id() as account_no,
    account_id,
    coalesce(parent_account_id, account_id) as agreement_id,
    opened_on,
    closed_on,
    closure_kind,
    due_basis,
    prepayment,
    cast(grace_days as int) as grace_days,
    instr(allocation_order, 'penalty') as penalty_rank,
    instr(allocation_order, 'fee') as fee_rank,
    instr(allocation_order, 'interest') as interest_rank,
    instr(allocation_order, 'principal') as principal_rank,
    case
        when closed_on between month_start() and month_end() then closed_on else month_end()
    end as report_date,
    coalesce(closed_on between month_start() and month_end(), false) as is_closed_in_month,
    opened_on <= month_end() and not coalesce(closed_on < month_start(), false) as is_open
from known_accounts inner join product_policy using (product_code)
where
    account_id rlike '\\A[A-Za-z0-9]+\\z'
    and customer_id is not null
    and reporter_code rlike '\\A[A-Za-z0-9]{14}\\z'
    and opened_on is not null
    and (closed_on is null or closed_on >= opened_on)
    and (closure_kind is null or closure_kind in ('settled', 'transferred'))
    and (parent_account_id is null or parent_account_id rlike '\\A[A-Za-z0-9]+\\z');

create table credit_limits using parquet as
with holders as (  -- of a draw the limit stands under the agreement's id
    select account_id, max(opened_on) as opened_on, max(closed_on) as closed_on
    from (
        select account_id, opened_on, closed_on from accounts
        union all
        select distinct agreement_id, null, null from accounts
    )
    group by account_id
)

select account_id, effective_on, credit_limit
from known_credit_limits inner join holders using (account_id)
where
    credit_limit between 0 and 1000000000000
    and change_reason in ('initial', 'increase', 'decrease', 'suspended', 'ended')
    and effective_on >= coalesce(opened_on, effective_on)
    and effective_on <= coalesce(closed_on, effective_on);

-- Keys with versions to compare, and those that a reversal names.
create table special using parquet as
select xxhash64(transaction_id) as key_hash
from raw_transactions
where recorded_at <= as_of() and transaction_id is not null
group by 1
having count(*) > 1
union
select xxhash64(reverses_transaction_id)
from raw_transactions
where recorded_at <= as_of() and transaction_type = 'reversal';

-- Sums of the plain rows of an account, and the moments that tell whether all lie in its life.
create table spending using parquet as
select
    account_id,
    sum(amount) as spent,
    sum(amount) filter (where transaction_type = 'cash_draw') as drawn,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at
from raw_transactions left anti join special on xxhash64(transaction_id) = key_hash
where
    recorded_at <= as_of()
    and transaction_id is not null
    and transaction_type in ('purchase', 'cash_draw')
    and amount > 0 and amount <= 1000000000000
    and occurred_at < month_end() + interval 1 day
group by account_id;

-- The rows that are replayed one by one, and those whose versions are compared.
create table singled_out using parquet as
select raw_transactions.*, key_hash is not null as is_special
from raw_transactions left join special on xxhash64(transaction_id) = key_hash
where
    recorded_at <= as_of()
    and transaction_id is not null
    and (
        key_hash is not null
        or transaction_type in (
            'repayment', 'refund', 'waiver', 'penalty', 'write_off', 'reversal'
        )
    );

create table others using parquet as
select
    account_no, transaction_id, transaction_type, amount, occurred_at, reverses_transaction_id,
    is_open, report_date
from singled_out inner join accounts using (account_id)
where
    not is_special
    and amount > 0 and amount <= 1000000000000
    and occurred_at >= opened_on
    and (
        transaction_type <> 'reversal'
        or closed_on is null or occurred_at < closed_on + interval 1 day
    );

-- Each special key's newest version, inside the row rules.
create table special_rows using parquet as
with gathered as (
    select distinct
        transaction_id, account_id, transaction_type, amount, occurred_at,
        reverses_transaction_id, recorded_at
    from singled_out
    where is_special
),

compared as (
    select
        *,
        max(recorded_at) over (partition by transaction_id) as newest_at,
        count(*) over (partition by transaction_id, recorded_at) as versions
    from gathered
)

select
    account_no, transaction_id, transaction_type, amount, occurred_at, reverses_transaction_id
from compared inner join accounts using (account_id)
where
    recorded_at = newest_at
    and versions = 1
    and transaction_type in (
        'purchase', 'cash_draw', 'repayment', 'refund', 'waiver', 'penalty', 'interest', 'fee',
        'write_off', 'reversal'
    )
    and amount > 0 and amount <= 1000000000000
    and occurred_at >= opened_on
    and (closed_on is null or occurred_at < closed_on + interval 1 day);

-- What is undone, and from which month on it never happened.
create table reversals using parquet as
with delivered as (
    select account_no, transaction_id, reverses_transaction_id, occurred_at
    from special_rows
    where transaction_type = 'reversal'
    union all
    select account_no, transaction_id, reverses_transaction_id, occurred_at
    from others
    where transaction_type = 'reversal'
),

numbered as (
    select
        delivered.account_no,
        target.transaction_id,
        target.transaction_type,
        cast(date_trunc('month', delivered.occurred_at) as date) as reversed_in_month,
        delivered.occurred_at as reversed_at,
        row_number() over (
            partition by target.transaction_id
            order by delivered.occurred_at, delivered.transaction_id
        ) as attempt
    from delivered inner join special_rows as target
        on delivered.reverses_transaction_id = target.transaction_id
        and delivered.account_no = target.account_no
    where
        target.transaction_type <> 'reversal'
        and target.occurred_at <= delivered.occurred_at
)

select account_no, transaction_id, transaction_type, reversed_in_month
from numbered inner join accounts using (account_no)
where attempt = 1 and is_open and reversed_at < report_date + interval 1 day;

-- Spending outside the account's life is found by the extremes and summed again, row by row.
create table spent using parquet as
with doubtful as (
    select account_no, account_id, opened_on, closed_on
    from spending inner join accounts using (account_id)
    where first_at < opened_on or last_at >= closed_on + interval 1 day
),

spent_again as (
    select account_no, sum(amount) as spent,
        sum(amount) filter (where transaction_type = 'cash_draw') as drawn
    from raw_transactions
    inner join doubtful using (account_id)
    left anti join special on xxhash64(transaction_id) = key_hash
    where
        recorded_at <= as_of()
        and transaction_type in ('purchase', 'cash_draw')
        and amount > 0 and amount <= 1000000000000
        and occurred_at < month_end() + interval 1 day
        and occurred_at >= opened_on
        and (closed_on is null or occurred_at < closed_on + interval 1 day)
    group by account_no
),

parts as (
    select account_no, spent, drawn, last_at
    from spending inner join accounts using (account_id)
    left anti join doubtful using (account_no)
    union all
    select account_no, spent_again.spent, spent_again.drawn, last_at
    from doubtful
    inner join spending using (account_id)
    left join spent_again using (account_no)
    union all
    select
        account_no, amount, case when transaction_type = 'cash_draw' then amount end, occurred_at
    from special_rows left anti join reversals using (transaction_id)
    where
        transaction_type in ('purchase', 'cash_draw')
        and occurred_at < month_end() + interval 1 day
)

select
    account_no,
    coalesce(sum(parts.spent), 0) as spent_amount,
    coalesce(sum(parts.drawn), 0) as drawn,
    max(last_at) as last_at
from parts
group by account_no;

create table payments using parquet as
select account_no, transaction_type, amount, occurred_at, cast(null as date) as reversed_in_month
from others
where is_open and transaction_type <> 'reversal' and occurred_at < report_date + interval 1 day
union all
select account_no, transaction_type, amount, occurred_at, reversed_in_month
from special_rows inner join accounts using (account_no)
left join reversals using (account_no, transaction_id, transaction_type)
where
    is_open
    and transaction_type in ('repayment', 'refund', 'waiver', 'penalty', 'write_off')
    and occurred_at < report_date + interval 1 day;

create table bills using parquet as
with known as (
    select
        account_no, bill_id, statement_on, due_on, period_count, report_date,
        date_add(due_on, grace_days + 1) as late_from,
        fee_due, interest_due, principal_due,
        case
            when due_basis = 'minimum_due' and minimum_due is not null then minimum_due
            else fee_due + interest_due + principal_due
        end as at_most
    from known_bills inner join accounts using (account_id)
    where
        is_open
        and due_on >= statement_on
        and principal_due between 0 and 1000000000000
        and interest_due between 0 and 1000000000000
        and fee_due between 0 and 1000000000000
        and (minimum_due is null or minimum_due >= 0)
        and statement_on >= opened_on
),

divided as (
    select
        *,
        cast(least(fee_due, at_most) as decimal(18, 2)) as fee_asked,
        cast(least(interest_due, greatest(at_most - fee_due, 0)) as decimal(18, 2))
            as interest_asked,
        cast(least(principal_due, greatest(at_most - fee_due - interest_due, 0)) as decimal(18, 2))
            as principal_asked
    from known
)

select
    monotonically_increasing_id() as bill_no,
    account_no, bill_id, statement_on, due_on, period_count, report_date, late_from,
    fee_asked, interest_asked, principal_asked,
    cast(fee_asked + interest_asked + principal_asked as decimal(18, 2)) as asked
from divided;

-- An account has one reading of its ledger, and another from each month on in which something of it
-- was reversed.
create table readings using parquet as
with starts as (
    select account_no, date '1900-01-01' as valid_from from accounts where is_open
    union
    select account_no, reversed_in_month from reversals
),

bounded as (
    select
        account_no,
        valid_from,
        lead(valid_from, 1, date '2100-01-01') over (partition by account_no order by valid_from)
            as valid_before
    from starts
)

select
    monotonically_increasing_id() as reading_no,
    account_no,
    valid_from,
    valid_before,
    valid_before = date '2100-01-01' as is_at_report_date,
    least(valid_before, report_date + interval 1 day) as ends_before,
    prepayment = 'credits_next_due' as holds_credit,
    report_date,
    penalty_rank, fee_rank, interest_rank, principal_rank
from bounded inner join accounts using (account_no);

-- The walk: what is open after each event.
create table walked using parquet as
with entries as (
    select
        reading_no,
        holds_credit,
        -- one number sorts time and rank at an instant
        unix_millis(cast(statement_on as timestamp_ltz)) * 8 + 1 as moment,
        cast(statement_on as timestamp_ntz) as happened_at,
        bill_no,
        bill_id,
        late_from,
        asked as change
    from bills inner join readings using (account_no)
    where asked > 0 and statement_on < ends_before
    union all
    select
        reading_no,
        holds_credit,
        unix_millis(cast(occurred_at as timestamp_ltz)) * 8 + case transaction_type
            when 'penalty' then 2 when 'waiver' then 3 when 'refund' then 4 else 5
        end,
        occurred_at,
        null,
        null,
        case when transaction_type = 'penalty' then date_add(cast(occurred_at as date), 1) end,
        case when transaction_type = 'penalty' then amount else cast(-amount as decimal(18, 2)) end
    from payments inner join readings using (account_no)
    where
        transaction_type <> 'write_off'
        and occurred_at < ends_before
        and (reversed_in_month is null or reversed_in_month > valid_from)
),

summed as (
    select
        reading_no, holds_credit, happened_at, bill_no, late_from, change,
        row_number() over in_order as entry_number,
        cast(sum(change) over in_order as decimal(18, 2)) as due_less_paid
    from entries
    window in_order as (
        partition by reading_no order by moment, bill_id nulls last
        rows between unbounded preceding and current row
    )
),

lowest as (
    select
        *,
        least(0, min(due_less_paid) over (
            partition by reading_no order by entry_number
            rows between unbounded preceding and current row
        )) as lowest_so_far
    from summed
),

reflected as (  -- payments beyond what is open are gone, or held for what comes
    select
        *,
        case
            when holds_credit then greatest(due_less_paid, 0) else due_less_paid - lowest_so_far
        end as open_amount,
        case
            when holds_credit and change > 0
                then least(change, greatest(change - due_less_paid, 0))
            else 0
        end as prepaid
    from lowest
)

select
    reading_no, entry_number, happened_at, bill_no, late_from, change, prepaid, due_less_paid,
    open_amount,
    sum(case  -- a bill or penalty that finds nothing open begins a period
        when change < 0 then 0
        when holds_credit then cast(due_less_paid <= change as int)
        else cast(open_amount = change as int)
    end) over (
        partition by reading_no order by entry_number
        rows between unbounded preceding and current row
    ) as busy_period
from reflected;

-- Where nothing was late before all was paid, no item needs to be followed.
create table followed using parquet as
select walked.*
from walked left semi join (
    select reading_no, busy_period
    from walked
    group by reading_no, busy_period
    having
        min(open_amount) > 0
        or min(happened_at) filter (where open_amount = 0) >= min(late_from)
) as at_risk using (reading_no, busy_period);

create table items using parquet as
with parts as (
    select
        reading_no, busy_period, entry_number, prepaid,
        cast(happened_at as date) as due_on, late_from, 'penalty' as part,
        penalty_rank as part_rank, change as part_amount
    from followed inner join readings using (reading_no)
    where change > 0 and bill_no is null
    union all
    select
        reading_no, busy_period, entry_number, prepaid, due_on, bills.late_from, of_part.part,
        of_part.part_rank, of_part.part_amount
    from followed
    inner join bills using (bill_no)
    inner join readings using (reading_no)
    lateral view stack(
        3,
        'fee', fee_rank, fee_asked,
        'interest', interest_rank, interest_asked,
        'principal', principal_rank, principal_asked
    ) of_part as part, part_rank, part_amount
),

less_prepaid as (  -- inside one bill held money pays part by part, in the product's order
    select
        reading_no, busy_period, entry_number, due_on, late_from, part, part_rank,
        part_amount - least(part_amount, greatest(prepaid - (sum(part_amount) over (
            partition by reading_no, entry_number order by part_rank
        ) - part_amount), 0)) as asked
    from parts
),

placed as (
    select
        *,
        row_number() over (
            partition by reading_no, busy_period order by due_on, part_rank, entry_number
        ) as position
    from less_prepaid
    where asked > 0
),

movements as (
    select reading_no, busy_period, entry_number, position, asked as change from placed
    union all
    select reading_no, busy_period, entry_number, 0, change from followed where change < 0
),

queued as (  -- an item and all that is paid before it are one queue
    select
        placed.reading_no, placed.busy_period, placed.position,
        placed.entry_number as appeared_at,
        movements.entry_number,
        sum(movements.change) over (
            partition by placed.reading_no, placed.busy_period, placed.position
            order by movements.entry_number
        ) as due_less_paid
    from placed inner join movements
        on placed.reading_no = movements.reading_no
        and placed.busy_period = movements.busy_period
        and placed.position >= movements.position
),

emptied as (
    select
        *,
        due_less_paid - least(0, min(due_less_paid) over (
            partition by reading_no, busy_period, position order by entry_number
        )) as open_amount
    from queued
),

outcomes as (
    select
        reading_no, busy_period, position,
        min(entry_number) filter (where open_amount = 0 and entry_number >= appeared_at)
            as paid_off_by,
        max_by(open_amount, entry_number) as open_up_to_here
    from emptied
    group by reading_no, busy_period, position
)

select
    placed.reading_no,
    account_no,
    part,
    due_on,
    placed.late_from,
    followed.happened_at as paid_off_at,
    cast(open_up_to_here - lag(open_up_to_here, 1, 0) over (
        partition by placed.reading_no, placed.busy_period order by placed.position
    ) as decimal(18, 2)) as unpaid
from placed
inner join outcomes
    on placed.reading_no = outcomes.reading_no
    and placed.busy_period = outcomes.busy_period
    and placed.position = outcomes.position
inner join readings on placed.reading_no = readings.reading_no
left join followed
    on placed.reading_no = followed.reading_no and outcomes.paid_off_by = followed.entry_number;

-- Every adverse month end since opening, each in the reading of its own month.
create table late_ends using parquet as
with late as (
    select
        items.account_no, due_on, late_from, paid_off_at, valid_from, valid_before,
        readings.report_date as last_report_date,
        cast(date_trunc('month', late_from) as date) as first_month,
        least(
            coalesce(cast(date_trunc('month', paid_off_at) as date), month_start()), month_start()
        ) as last_month
    from items inner join readings using (reading_no)
    where paid_off_at is null or paid_off_at >= late_from
),

at_month_end as (
    select
        *,
        case when month = month_start() then last_report_date else last_day(month) end
            as report_date
    from late lateral view explode(
        case
            when first_month <= last_month
                then sequence(first_month, last_month, interval 1 month)
        end
    ) of_month as month
    where month >= valid_from and month < valid_before
)

select account_no, month, report_date, min(due_on) as oldest_unpaid_due_on
from at_month_end
where
    late_from <= report_date
    and (paid_off_at is null or paid_off_at >= report_date + interval 1 day)
group by account_no, month, report_date;

create table written_off_ends using parquet as
with write_offs as (
    select reading_no, min(occurred_at) as written_off_at
    from payments inner join readings using (account_no)
    where
        transaction_type = 'write_off'
        and occurred_at < ends_before
        and (reversed_in_month is null or reversed_in_month > valid_from)
    group by reading_no
),

at_month_end as (
    select
        reading_no, account_no, written_off_at, month,
        case when month = month_start() then report_date else last_day(month) end as report_date
    from write_offs inner join readings using (reading_no)
    lateral view explode(sequence(
        cast(date_trunc('month', written_off_at) as date), month_start(), interval 1 month
    )) of_month as month
    where month >= valid_from and month < valid_before
)

select
    at_month_end.account_no,
    month,
    report_date,
    at_month_end.reading_no,
    cast(written_off_at as date) as written_off_on,
    coalesce(max_by(open_amount, entry_number), 0) as open_amount,
    coalesce(max_by(due_less_paid, entry_number), 0) as due_less_paid
from at_month_end left join walked
    on at_month_end.reading_no = walked.reading_no
    and walked.happened_at < report_date + interval 1 day
where written_off_at < report_date + interval 1 day
group by at_month_end.account_no, month, report_date, at_month_end.reading_no, written_off_at;

-- With nothing open the balance decides: what was spent less what was billed, and so paid, less
-- what is left over. Spending is summed up to an earlier month end only where there was some after
-- it, or where some was reversed.
create table settled_ends using parquet as
with asked as (
    select
        ends.account_no, account_id, opened_on, month, reading_no, ends.report_date as end_on
    from written_off_ends as ends
    inner join accounts on ends.account_no = accounts.account_no
    left join spent on ends.account_no = spent.account_no
    where
        open_amount = 0
        and (
            last_at >= ends.report_date + interval 1 day
            or ends.account_no in (
                select account_no from reversals
                where transaction_type in ('purchase', 'cash_draw')
            )
        )
),

rows_of_spending as (
    select account_id, amount, occurred_at, cast(null as date) as reversed_in_month
    from raw_transactions
    left semi join asked using (account_id)
    left anti join special on xxhash64(transaction_id) = key_hash
    where
        recorded_at <= as_of()
        and transaction_type in ('purchase', 'cash_draw')
        and amount > 0 and amount <= 1000000000000
    union all
    select account_id, amount, occurred_at, reversed_in_month
    from special_rows inner join accounts using (account_no)
    left join reversals using (account_no, transaction_id, transaction_type)
    where transaction_type in ('purchase', 'cash_draw')
),

spent_by as (
    select asked.account_no, asked.month, coalesce(sum(amount), 0) as amount
    from asked
    inner join readings using (reading_no)
    left join rows_of_spending as one
        on asked.account_id = one.account_id
        and one.occurred_at < asked.end_on + interval 1 day
        and one.occurred_at >= asked.opened_on
        and coalesce(one.reversed_in_month > readings.valid_from, true)
    group by asked.account_no, asked.month
),

billed_by as (
    select account_no, month, sum(principal_asked) as amount
    from written_off_ends inner join bills using (account_no)
    where open_amount = 0 and statement_on <= written_off_ends.report_date
    group by account_no, month
)

select account_no, month
from written_off_ends
left join spent using (account_no)
left join spent_by using (account_no, month)
left join billed_by using (account_no, month)
where
    open_amount = 0
    and coalesce(spent_by.amount, spent_amount, 0) - coalesce(billed_by.amount, 0) + due_less_paid
    <= 0;

create table adverse using parquet as
with together as (
    select
        account_no,
        month,
        coalesce(late.report_date, off.report_date) as report_date,
        off.report_date is not null as is_written_off,
        coalesce(datediff(late.report_date, oldest_unpaid_due_on), 0) as days_past_due
    from late_ends as late
    full outer join (
        select * from written_off_ends left anti join settled_ends using (account_no, month)
    ) as off using (account_no, month)
),

classed as (
    select
        account_no, month, report_date,
        case when is_written_off then '5' else five_tier_class end as class
    from together inner join five_tier_classes
        on days_past_due between cast(from_days as int) and cast(to_days as int)
)

select
    *,
    coalesce(
        lag(month) over (partition by account_no order by month) = add_months(month, -1), false
    ) as follows,
    lag(class) over (partition by account_no order by month) as class_before
from classed;

create table five_tier using parquet as
with latest as (
    select
        account_no,
        max(month) as last_month,
        max_by(class, month) as last_class,
        max(report_date) filter (where not follows or class_before <> class) as changed_on
    from adverse
    group by account_no
),

recovered as (
    select account_no, add_months(last_month, 1) as recovery_month
    from latest
    where last_month < month_start()
),

last_payments as (
    select recovered.account_no, max(cast(paid_off_at as date)) as paid_off_on
    from recovered
    inner join readings on recovered.account_no = readings.account_no
    inner join items on readings.reading_no = items.reading_no
    where
        recovery_month >= valid_from and recovery_month < valid_before
        and paid_off_at >= late_from
        and paid_off_at < add_months(recovery_month, 1)
    group by recovered.account_no
)

select
    account_no,
    case when recovery_month is null then last_class else '1' end as five_tier_class,
    case
        when recovery_month is null then changed_on
        else coalesce(paid_off_on, least(last_day(recovery_month), report_date))
    end as five_tier_assigned_on
from latest
left join recovered using (account_no)
left join last_payments using (account_no)
inner join accounts using (account_no);

-- The state of every open account at its report date.
create table status using parquet as
with paid as (
    select
        account_no,
        sum(case when occurred_at >= month_start() then amount else 0 end) as amount_paid,
        max(cast(occurred_at as date)) as last_paid_on
    from payments
    where transaction_type = 'repayment' and reversed_in_month is null
    group by account_no
),

billed as (
    select
        account_no,
        sum(principal_asked) filter (where statement_on <= report_date) as principal_billed,
        sum(asked) filter (
            where statement_on <= report_date and due_on between month_start() and report_date
        ) as amount_due,
        count(distinct due_on) filter (where due_on > report_date) as due_dates_ahead,
        max(due_on) as last_due_on,
        count(*) as bills_known,
        max(period_count) as period_count
    from bills
    group by account_no
),

items_now as (
    select
        items.*,
        report_date,
        datediff(report_date, due_on) as age,
        late_from <= report_date as is_late,
        late_from <= report_date and part = 'principal' as is_late_principal
    from items inner join readings on items.reading_no = readings.reading_no
    where is_at_report_date
),

unpaid as (
    select
        account_no,
        sum(unpaid) filter (where part = 'principal') as principal_unpaid,
        bool_or(is_late) as has_late,
        min(due_on) filter (where is_late) as oldest_unpaid_due_on,
        min(due_on) filter (where is_late_principal and unpaid >= 1) as oldest_late_principal_on,
        count(distinct due_on) filter (where is_late and part <> 'penalty') as late_due_dates,
        sum(unpaid) filter (where is_late or (part = 'penalty' and due_on = report_date))
            as overdue,
        sum(unpaid) filter (where is_late_principal) as overdue_principal,
        sum(unpaid) filter (where is_late_principal and age between 31 and 60) as over_30,
        sum(unpaid) filter (where is_late_principal and age between 61 and 90) as over_60,
        sum(unpaid) filter (where is_late_principal and age between 91 and 180) as over_90,
        sum(unpaid) filter (where is_late_principal and age > 180) as over_180
    from items_now
    where unpaid > 0
    group by account_no
),

late_in_month as (
    select distinct account_no, true as was_late
    from items_now
    where
        is_late
        and (paid_off_at is null or (paid_off_at >= late_from and paid_off_at >= month_start()))
),

limits as (
    select account_no, max_by(credit_limit, effective_on) as credit_limit
    from accounts inner join credit_limits as limits
        on accounts.agreement_id = limits.account_id
        and effective_on <= report_date
    where is_open
    group by account_no
),

walked_to as (
    select
        readings.account_no,
        max_by(due_less_paid, entry_number) as due_less_paid,
        max_by(open_amount, entry_number) as open_amount
    from walked inner join readings using (reading_no)
    where is_at_report_date
    group by readings.account_no
),

off as (
    select account_no, true as is_written_off
    from written_off_ends left anti join settled_ends using (account_no, month)
    where month = month_start()
),

ledger as (
    select
        accounts.account_no,
        account_id,
        accounts.report_date,
        is_closed_in_month,
        closure_kind,
        opened_on,
        credit_limit,
        coalesce(drawn, 0) as drawn,
        coalesce(spent_amount, 0) - coalesce(principal_billed, 0) + coalesce(principal_unpaid, 0)
        - coalesce(open_amount - due_less_paid, 0) as balance,
        coalesce(principal_unpaid, 0) as principal_unpaid,
        coalesce(amount_due, 0) as amount_due,
        coalesce(amount_paid, 0) as amount_paid,
        last_paid_on,
        coalesce(due_dates_ahead, 0) as due_dates_ahead,
        last_due_on,
        coalesce(bills_known, 0) as bills_known,
        period_count,
        coalesce(has_late, false) as has_late,
        coalesce(was_late, false) as was_late,
        coalesce(is_written_off, false) as is_written_off,
        oldest_unpaid_due_on,
        coalesce(oldest_late_principal_on = oldest_unpaid_due_on, false)
            as is_oldest_late_principal,
        case when has_late then greatest(late_due_dates, 1) else 0 end as overdue_periods,
        case when has_late then overdue else 0 end as overdue_total,
        case when has_late then datediff(accounts.report_date, oldest_unpaid_due_on) else 0 end
            as days_past_due,
        coalesce(overdue_principal, 0) as overdue_principal,
        coalesce(over_30, 0) as over_30,
        coalesce(over_60, 0) as over_60,
        coalesce(over_90, 0) as over_90,
        coalesce(over_180, 0) as over_180
    from accounts
    left join spent on accounts.account_no = spent.account_no
    left join paid on accounts.account_no = paid.account_no
    left join billed on accounts.account_no = billed.account_no
    left join walked_to on accounts.account_no = walked_to.account_no
    left join unpaid on accounts.account_no = unpaid.account_no
    left join late_in_month on accounts.account_no = late_in_month.account_no
    left join limits on accounts.account_no = limits.account_no
    left join off on accounts.account_no = off.account_no
    where is_open
)

select
    ledger.*,
    case
        when is_written_off then 'B'
        when is_closed_in_month and closure_kind = 'transferred' then 'G'
        when is_closed_in_month then 'C'
        when has_late then statuses.repayment_status
        when was_late then 'M'
        when amount_due > 0 then 'N'
        else '*'
    end as repayment_status,
    case
        when is_written_off then '42' when is_closed_in_month then '3' when has_late then '2'
        else '1'
    end as account_status,
    case
        when is_closed_in_month and not is_written_off then 0
        when balance > principal_unpaid then greatest(due_dates_ahead, 1)
        else due_dates_ahead
    end as remaining_periods,
    coalesce(five_tier_class, '1') as five_tier_class,
    coalesce(five_tier_assigned_on, opened_on) as five_tier_assigned_on
from ledger
left join repayment_statuses as statuses
    on has_late and days_past_due between cast(from_days as int) and cast(to_days as int)
left join five_tier on ledger.account_no = five_tier.account_no;
