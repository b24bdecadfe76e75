-- The reconciliation of all runs (life cycle, section 11): the stored steps 0 to 4, and what the
-- answers add. Braces stand for the published table.
create view submission.reconciliation_now as
with stored as (
    select * from {reconciliation}
),

records as (  -- what is in released files, summed up once for all that follows
    select
        report_month,
        as_of,
        is_supplement,
        cast(date_trunc('month', report_date) as date) as about_month,
        reporter_code,
        record_type,
        state,
        feedback_code,
        count(*) as accounts,
        sum(acct_bal) as balance,
        sum(tot_overd) as overdue
    from marts.submission_records
    where state in ('RELEASED', 'ACCEPTED', 'REJECTED')
    group by all
),

counted as (  -- what the released files of this version hold
    select
        report_month,
        as_of,
        reporter_code,
        record_type,
        sum(accounts) as accounts,
        sum(balance) as balance,
        sum(overdue) as overdue
    from stored
    semi join records
        on stored.report_month = records.report_month
        and stored.as_of = records.as_of
    where
        step = 'file'
        and part = 'total'
    group by all
),

answered as (  -- step 5: what the bureau said of them
    select
        *,
        'start' as part,
        'records' as item
    from counted
    union all by name
    select
        report_month,
        as_of,
        reporter_code,
        record_type,
        case
            when state = 'ACCEPTED' then 'accepted'
            when state = 'RELEASED' then 'unanswered'
            else concat_ws(' ', 'rejected', feedback_code)
        end as item,
        'total' as part,
        cast(sum(accounts) as bigint) as accounts,
        sum(balance) as balance,
        sum(overdue) as overdue
    from records
    semi join stored
        on records.report_month = stored.report_month
        and records.as_of = stored.as_of
    group by all
),

held as (  -- step 6: what the bureau holds about a month, in files of its own run and of others
    select
        about_month as report_month,
        reporter_code,
        'start' as part,
        'files of the month' as item,
        cast(sum(accounts) as bigint) as accounts,
        sum(balance) as balance,
        sum(overdue) as overdue
    from records
    where
        record_type = '210'
        and about_month = report_month
        and not is_supplement
    group by all
    union all
    select
        about_month as report_month,
        reporter_code,
        'item' as part,
        'rejected' as item,
        -cast(sum(accounts) as bigint) as accounts,
        -sum(balance) as balance,
        -sum(overdue) as overdue
    from records
    where
        record_type = '210'
        and about_month = report_month
        and not is_supplement
        and state = 'REJECTED'
    group by all
    union all
    select
        about_month as report_month,
        reporter_code,
        'item' as part,
        'files of other runs' as item,
        cast(sum(accounts) as bigint) as accounts,
        sum(balance) as balance,
        sum(overdue) as overdue
    from records
    where
        record_type = '210'
        and (about_month <> report_month or is_supplement)
        and state <> 'REJECTED'
    group by all
    union all
    select
        report_month,
        reporter_code,
        'total' as part,
        'held' as item,
        count(*) as accounts,
        sum(acct_bal) as balance,
        sum(tot_overd) as overdue
    from marts.as_reported
    group by all
),

later as (
    select
        5 as step_number,
        'answered' as step,
        answered.*
    from answered
    union all by name
    select
        6 as step_number,
        'held' as step,
        '210' as record_type,
        held.*
    from held
)

select * from stored
union all by name
select
    later.*,
    coalesce(sum(case when part = 'total' then -accounts else accounts end) over (
        partition by step, report_month, as_of, reporter_code, record_type
    ), 0) = 0
    and coalesce(sum(case when part = 'total' then -balance else balance end) over (
        partition by step, report_month, as_of, reporter_code, record_type
    ), 0) = 0
    and coalesce(sum(case when part = 'total' then -overdue else overdue end) over (
        partition by step, report_month, as_of, reporter_code, record_type
    ), 0) = 0 as is_closed
from later
order by all;

-- The journals are searched once after each release and answer.
create table submission.reconciliation as
select * from submission.reconciliation_now;

create view marts.reconciliation as
select * from submission.reconciliation;
