-- One row per account that is adverse at its report date: the name of the running episode, which is
-- the oldest unpaid due date at its first adverse month end (of a write-off with nothing late: its
-- date).
with episodes as (
    select
        account_id,
        max(case when not coalesce(follows_adverse, false) then month end) as first_month,
        max(month) as last_month
    from {{ ref('int_month_ends_adverse') }}
    group by account_id
)

select
    episodes.account_id,
    episodes.first_month,
    coalesce(adverse.oldest_unpaid_due_on, adverse.written_off_on) as episode_started_on
from episodes
inner join {{ ref('int_month_ends_adverse') }} as adverse
    on episodes.account_id = adverse.account_id
    and episodes.first_month = adverse.month
where episodes.last_month = {{ report_month() }}
