-- One row per item (one part of a bill, or a penalty) that may matter at a month end: when it was
-- paid off and what of it is unpaid at the end of the reading. Items of a busy period that ended
-- before any of them could be late were paid in time and are not followed.
--
-- Which payment reaches which item (contracts, section 2, rules 3 to 5): the oldest due date first,
-- inside it the product's order. So the items up to and including this one form a queue that is
-- paid before any later item: its open amount is the running sum less its running minimum, and this
-- item is paid off when the queue is first empty after the item has appeared.
-- Long, because the queue of items and its two running sums cannot be stated apart.
with followed as (
    select
        walked.*,
        versions.account_id,
        versions.penalty_rank,
        versions.fee_rank,
        versions.interest_rank,
        versions.principal_rank
    from {{ ref('int_ledger_walked') }} as walked
    inner join {{ ref('int_busy_periods') }} as periods
        on walked.reading_no = periods.reading_no
        and walked.busy_period = periods.busy_period
        and periods.is_followed
    inner join {{ ref('int_ledger_versions') }} as versions
        on walked.reading_no = versions.reading_no
),

bills as (
    select
        followed.*,
        bills.fee_asked,
        bills.interest_asked,
        bills.principal_asked
    from followed
    inner join {{ ref('int_bills_due') }} as bills
        on followed.entry_id = bills.bill_id
    where followed.entry_type = 'bill'
),

parts as (
    {%- set columns = ['reading_no', 'account_id', 'busy_period', 'entry_number', 'entry_id',
        'happened_at', 'due_on', 'late_from', 'prepaid_amount'] %}
    select
        {{ columns | join(',\n        ') }},
        'penalty' as part,
        penalty_rank as part_rank,
        change as part_amount
    from followed
    where entry_type = 'penalty'
    {%- for part in ['fee', 'interest', 'principal'] %}
    union all
    select
        {{ columns | join(',\n        ') }},
        '{{ part }}' as part,
        {{ part }}_rank as part_rank,
        {{ part }}_asked as part_amount
    from bills
    where {{ part }}_asked > 0
    {%- endfor %}
),

less_prepaid as (  -- inside one bill held money pays part by part, in the product's order
    select
        *,
        cast(part_amount - least(part_amount, greatest(prepaid_amount - (sum(part_amount) over (
            partition by reading_no, entry_number
            order by part_rank
        ) - part_amount), 0)) as decimal(18, 2)) as asked_amount
    from parts
),

items as (
    select
        *,
        row_number() over (
            partition by reading_no, busy_period
            order by due_on, part_rank, entry_number
        ) as position
    from less_prepaid
    where asked_amount > 0
),

movements as (
    select
        reading_no,
        busy_period,
        entry_number,
        happened_at,
        position,
        asked_amount as change
    from items
    union all
    select
        reading_no,
        busy_period,
        entry_number,
        happened_at,
        0 as position,
        change
    from followed
    where entry_type = 'payment'
),

queued as (
    select
        items.reading_no,
        items.busy_period,
        items.position,
        items.entry_number as appeared_at_entry,
        movements.entry_number,
        movements.happened_at,
        cast(sum(movements.change) over (
            partition by items.reading_no, items.busy_period, items.position
            order by movements.entry_number
        ) as decimal(18, 2)) as due_less_paid
    from items
    inner join movements
        on items.reading_no = movements.reading_no
        and items.busy_period = movements.busy_period
        and items.position >= movements.position
),

emptied as (
    select
        *,
        due_less_paid - least(0, min(due_less_paid) over (
            partition by reading_no, busy_period, position
            order by entry_number
        )) as open_amount
    from queued
),

outcomes as (
    select
        reading_no,
        busy_period,
        position,
        min(case when open_amount = 0 and entry_number >= appeared_at_entry then happened_at end)
            as paid_off_at,
        max_by(open_amount, entry_number) as open_up_to_here
    from emptied
    group by reading_no, busy_period, position
)

select
    items.reading_no,
    items.account_id,
    items.entry_id,
    items.part,
    items.due_on,
    items.late_from,
    items.asked_amount,
    outcomes.paid_off_at,
    cast(outcomes.open_up_to_here - lag(outcomes.open_up_to_here, 1, 0) over (
        partition by items.reading_no, items.busy_period
        order by items.position
    ) as decimal(18, 2)) as unpaid_amount
from items
inner join outcomes
    on items.reading_no = outcomes.reading_no
    and items.busy_period = outcomes.busy_period
    and items.position = outcomes.position
