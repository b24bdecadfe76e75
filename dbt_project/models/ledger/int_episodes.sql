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

months as (
    select
        *,
        max(month) over (partition by account_id, first_month) as last_month
    from episodes
)

select
    months.account_id,
    months.month as report_month,
    months.first_month,
    coalesce(adverse.oldest_unpaid_due_on, adverse.written_off_on) as episode_started_on,
    case
        when months.last_month < newest.report_month
            then last_day({{ add_months('months.last_month', 1) }})
        else newest.closed_on
    end as episode_ended_on
from months
inner join {{ ref('int_accounts_open') }} as accounts
    on months.account_id = accounts.account_id
    and months.month = accounts.report_month
inner join {{ ref('int_month_ends_adverse') }} as adverse
    on months.account_id = adverse.account_id
    and months.first_month = adverse.month
inner join {{ ref('int_accounts_read') }} as newest
    on months.account_id = newest.account_id
