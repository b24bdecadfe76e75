-- One row per account and adverse month end that is read: the name of the running episode, which is
-- the oldest unpaid due date at its first adverse month end (of a write-off with nothing late: its
-- date).
with episodes as (
    select
        account_id,
        month,
        max(case when not coalesce(follows_adverse, false) then month end) over (
            partition by account_id
            order by month
        ) as first_month
    from {{ ref('int_month_ends_adverse') }}
)

select
    episodes.account_id,
    episodes.month as report_month,
    episodes.first_month,
    coalesce(adverse.oldest_unpaid_due_on, adverse.written_off_on) as episode_started_on
from episodes
inner join {{ ref('int_accounts_open') }} as accounts
    on episodes.account_id = accounts.account_id
    and episodes.month = accounts.report_month
inner join {{ ref('int_month_ends_adverse') }} as adverse
    on episodes.account_id = adverse.account_id
    and episodes.first_month = adverse.month
