-- The replay (contracts, section 2): what is open after each event, which item was paid off when.

-- An account has one reading of its ledger, and another from each month on in which something of it
-- was reversed.
create table readings as
with starts as (
    select account_no, date '1900-01-01' as valid_from from accounts where is_open
    union
    select account_no, reversed_in_month from reversals
)

select
    row_number() over ()::integer as reading_no,
    account_no,
    valid_from,
    lead(valid_from, 1, date '2100-01-01') over (partition by account_no order by valid_from)
        as valid_before,
    valid_before = date '2100-01-01' as is_at_report_date,
    least(valid_before::timestamp, report_date + interval 1 day) as ends_before,
    prepayment = 'credits_next_due' as holds_credit,
    report_date,
    penalty_rank, fee_rank, interest_rank, principal_rank
from starts inner join accounts using (account_no);

create table entries as
select
    reading_no,
    holds_credit,
    epoch_ms(statement_on) * 8 + 1 as moment,  -- one number sorts time and rank at an instant
    statement_on::timestamp as happened_at,
    bills.rowid::integer as bill_no,
    bill_id,
    late_from,
    asked as change
from bills inner join readings using (account_no)
where asked > 0 and statement_on < ends_before
union all
select
    reading_no,
    holds_credit,
    epoch_ms(occurred_at) * 8 + case transaction_type
        when 'penalty' then 2 when 'waiver' then 3 when 'refund' then 4 else 5
    end,
    occurred_at,
    null,
    null,
    case when transaction_type = 'penalty' then occurred_at::date + 1 end,
    case when transaction_type = 'penalty' then amount else -amount end
from payments inner join readings using (account_no)
where
    transaction_type <> 'write_off'
    and occurred_at < ends_before
    and (reversed_in_month is null or reversed_in_month > valid_from);

create table walked as
with summed as (
    select
        * exclude (moment, bill_id),
        row_number() over in_order as entry_number,
        sum(change) over in_order::decimal(18, 2) as due_less_paid
    from entries
    window in_order as (
        partition by reading_no order by moment, bill_id
        rows between unbounded preceding and current row
    )
),

reflected as (  -- payments beyond what is open are gone, or held for what comes
    select
        *,
        case
            when holds_credit then greatest(due_less_paid, 0)
            else due_less_paid - least(0, min(due_less_paid) over (
                partition by reading_no order by entry_number
                rows between unbounded preceding and current row
            ))
        end as open_amount,
        case
            when holds_credit and change > 0
                then least(change, greatest(change - due_less_paid, 0))
            else 0
        end as prepaid
    from summed
)

select
    reading_no,
    entry_number,
    happened_at,
    bill_no,
    late_from,
    change,
    prepaid,
    due_less_paid,
    open_amount,
    sum(case  -- a bill or penalty that finds nothing open begins a period
        when change < 0 then 0
        when holds_credit then (due_less_paid <= change)::integer
        else (open_amount = change)::integer
    end) over (
        partition by reading_no order by entry_number
        rows between unbounded preceding and current row
    )::integer as busy_period
from reflected;

drop table entries;

-- Where nothing was late before all was paid, no item needs to be followed.
create table followed as
select walked.*
from walked semi join (
    select reading_no, busy_period
    from walked
    group by all
    having
        min(open_amount) > 0
        or min(happened_at) filter (open_amount = 0) >= min(late_from)
) as at_risk using (reading_no, busy_period);

create table items as
with parts as (
    select
        reading_no, busy_period, entry_number, prepaid,
        happened_at::date as due_on, late_from, 'penalty' as part, penalty_rank as part_rank,
        change as part_amount
    from followed inner join readings using (reading_no)
    where change > 0 and bill_no is null
    union all
    select
        reading_no, busy_period, entry_number, prepaid, due_on, late_from,
        unnest(['fee', 'interest', 'principal']),
        unnest([fee_rank, interest_rank, principal_rank]),
        unnest([fee_asked, interest_asked, principal_asked])
    from (
        select followed.* exclude (late_from), bills.*
        from followed inner join bills on followed.bill_no = bills.rowid
    )
    inner join readings using (reading_no)
),

less_prepaid as (  -- inside one bill held money pays part by part, in the product's order
    select
        * exclude (part_amount, prepaid),
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
        reading_no, busy_period, placed.position, placed.entry_number as appeared_at,
        movements.entry_number,
        sum(movements.change) over (
            partition by reading_no, busy_period, placed.position order by movements.entry_number
        ) as due_less_paid
    from placed inner join movements using (reading_no, busy_period)
    where placed.position >= movements.position
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
        min(entry_number) filter (open_amount = 0 and entry_number >= appeared_at) as paid_off_by,
        max_by(open_amount, entry_number) as open_up_to_here
    from emptied
    group by all
)

select
    placed.reading_no,
    account_no,
    part,
    due_on,
    placed.late_from,
    followed.happened_at as paid_off_at,
    (open_up_to_here - lag(open_up_to_here, 1, 0) over (
        partition by placed.reading_no, placed.busy_period order by position
    ))::decimal(18, 2) as unpaid
from placed
inner join outcomes using (reading_no, busy_period, position)
inner join readings using (reading_no)
left join followed
    on placed.reading_no = followed.reading_no and outcomes.paid_off_by = followed.entry_number;

create table walked_to as
select
    account_no,
    any_value(holds_credit) as holds_credit,
    max_by(due_less_paid, entry_number) as due_less_paid,
    max_by(open_amount, entry_number) as open_amount
from walked inner join readings using (reading_no)
where is_at_report_date
group by account_no;
