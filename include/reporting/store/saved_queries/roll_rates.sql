-- From which status to which did the accounts move in a month? Open accounts, reported or not.
create macro marts.roll_rates(of_month := null) as table
with wanted as (select marts.month_or_newest(of_month) as report_month),

before as (
    select
        status.account_id,
        status.repayment_status
    from wanted
    inner join marts.repayment_status as status
        on status.report_month = cast(wanted.report_month - interval 1 month as date)
),

moves as (
    select
        status.report_month,
        coalesce(before.repayment_status, 'new') as status_before,
        status.repayment_status as status_now,
        count(*) as accounts,
        sum(status.overdue_total) as overdue_total
    from wanted
    inner join marts.repayment_status as status on wanted.report_month = status.report_month
    left join before on status.account_id = before.account_id
    group by all
)

select
    report_month,
    status_before,
    status_now,
    accounts,
    round(accounts / sum(accounts) over (partition by status_before), 4) as share,
    overdue_total
from moves
order by status_before, status_now;

comment on macro table marts.roll_rates is
'Accounts by repayment status a month earlier and now; share is of the earlier status. ''new'': not open a month earlier, or the month before is not built. roll_rates(''2026-05'').';
