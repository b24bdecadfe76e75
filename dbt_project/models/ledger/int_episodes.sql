-- One row per account and adverse month end that is read: the name of its episode, which is the
-- oldest unpaid due date at the first adverse month end (of a write-off with nothing late: its
-- date); and the report date at which the episode had ended: the first month end that was not
-- adverse, or the day on which the account closed. Null while it runs.
with episodes as (
    select
        account_id,
        month,
        max(case when not coalesce(follows_adverse, false) then month end) over (
            partition by account_id
            order by month
        ) as first_month
    from {{ ref('int_month_ends_adverse') }}
),

last_months as (
    select
        account_id,
        first_month,
        max(month) as last_month
    from episodes
    group by account_id, first_month
)

select
    episodes.account_id,
    episodes.month as report_month,
    episodes.first_month,
    coalesce(adverse.oldest_unpaid_due_on, adverse.written_off_on) as episode_started_on,
    case
        when last_months.last_month < newest.report_month
            then last_day({{ add_months('last_months.last_month', 1) }})
        else newest.closed_on
    end as episode_ended_on
from episodes
inner join {{ ref('int_accounts_open') }} as accounts
    on episodes.account_id = accounts.account_id
    and episodes.month = accounts.report_month
inner join {{ ref('int_month_ends_adverse') }} as adverse
    on episodes.account_id = adverse.account_id
    and episodes.first_month = adverse.month
inner join last_months
    on episodes.account_id = last_months.account_id
    and episodes.first_month = last_months.first_month
inner join {{ ref('int_accounts_read') }} as newest
    on episodes.account_id = newest.account_id
