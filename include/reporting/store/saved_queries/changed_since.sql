-- Which months of accounts were reported again with other values after a moment?
create macro marts.changed_since(moment) as table
with reported as (
    select
        *,
        lag(struct_pack(status := rpy_status, overdue := tot_overd, balance := acct_bal, sent_as := record_id))
            over (
                partition by reporter_code, account_id, date_trunc('month', report_date)
                order by as_of, report_date
            ) as before
    from marts.submission_records
    where
        record_type = '210'
        and state in ('BUILT', 'RELEASED', 'ACCEPTED')
)

select
    account_id,
    cast(date_trunc('month', report_date) as date) as about_month,
    as_of,
    before.status as status_before,
    rpy_status as status_now,
    before.overdue as overdue_before,
    tot_overd as overdue_now,
    before.balance as balance_before,
    acct_bal as balance_now,
    state,
    record_id
from reported
where
    before is not null
    and as_of > cast(moment as timestamp)
    and (before.status, before.overdue, before.balance) is distinct from (rpy_status, tot_overd, acct_bal)
order by as_of, account_id, about_month;

comment on macro table marts.changed_since is
'Months of accounts that a run with a cut-off after a moment reports again with another status, overdue total or balance (whole yuan). changed_since(''2026-05-03'').';
