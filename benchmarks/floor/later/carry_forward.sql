-- What the next month brings forward: of each account what is settled as sums, row by row from the
-- oldest period on that is open or holds a bill due later, and its write-off; and what was sent last.

create table carried as
with starts as (
    select reading_no, min(started_at) as carried_from
    from (
        select reading_no, min(happened_at) as started_at
        from walked left join bills on bill_no = bills.rowid
        group by reading_no, busy_period
        having max_by(open_amount, entry_number) > 0 or max(due_on) > month_end()
    )
    group by reading_no
),

not_carried as (
    select account_no
    from bills
    where statement_on <= month_end() and due_on > month_end() and asked = 0
    union
    select account_no
    from adverse
    where month = month_start() and oldest_unpaid_due_on is null
    union
    select account_no
    from accounts
    where
        account_id in (select account_id from rejected_bills)
        or account_id in (select account_id from rejected_transactions)
)

select
    account_no,
    account_id,
    reading_no,
    coalesce(carried_from, month_end() + interval 1 day) as carried_from
from readings
inner join accounts using (account_no)
anti join not_carried using (account_no)
left join starts using (reading_no)
where is_at_report_date and closed_on is null;

create view carried_accounts as
with left_over as (
    select account_no, -max_by(due_less_paid, entry_number) as left_over
    from carried inner join walked using (reading_no)
    where happened_at < carried_from
    group by account_no
),

paid as (
    select account_no, max(occurred_at::date) as last_paid_on
    from carried inner join payments using (account_no)
    where
        transaction_type = 'repayment' and reversed_in_month is null
        and occurred_at < carried_from
    group by account_no
),

billed as (
    select
        account_no,
        sum(principal_asked) as principal_billed,
        max(due_on) as last_due_on,
        max(period_count) as period_count,
        count(*) as bills_known
    from carried inner join bills using (account_no)
    where statement_on < carried_from
    group by account_no
),

recovered as (
    select account_no, five_tier_assigned_on
    from five_tier anti join (
        from adverse where month = month_start()
    ) as adverse using (account_no)
)

select
    account_id,
    coalesce(left_over.left_over, 0) as left_over,
    coalesce(spent.spent, 0) as spent,
    coalesce(spent.drawn, 0) as drawn,
    greatest(paid.last_paid_on, brought.last_paid_on) as last_paid_on,
    coalesce(billed.principal_billed, 0) + coalesce(brought.principal_billed, 0)
        as principal_billed,
    greatest(billed.last_due_on, brought.last_due_on) as last_due_on,
    greatest(billed.period_count, brought.period_count) as period_count,
    coalesce(billed.bills_known, 0) + coalesce(brought.bills_known, 0) as bills_known,
    recovered.five_tier_assigned_on
from carried
left join left_over using (account_no)
left join spent using (account_no)
left join paid using (account_no)
left join billed using (account_no)
left join recovered using (account_no)
left join brought using (account_no);

create view carried_payments as
select account_id, transaction_type, amount, occurred_at
from carried inner join payments using (account_no)
where
    transaction_type <> 'left_over'
    and reversed_in_month is null
    and (occurred_at >= carried_from or transaction_type = 'write_off');

create view carried_bills as
select account_id, bills.* exclude (account_no, at_most)
from carried inner join bills using (account_no)
where statement_on >= carried_from;

create view carried_month_ends as
select
    account_id, month, report_date, oldest_unpaid_due_on, written_off_on, is_written_off
from carried inner join adverse using (account_no);

create view carried_sent_210 as
select
    reporter_code,
    account_id,
    now.customer_id,
    now.product_code,
    now.report_date,
    now.acct_type,
    coalesce(sent_210.open_date, now.open_date) as open_date,
    now.rpy_status,
    now.tot_overd,
    now.five_cate_adj_date,
    now.rpt_date_code in ('20', '32') as was_closed,
    now.tot_overd > 0 or coalesce(was_overdue, false) as was_overdue,
    now.hash_c,
    now.hash_f
from leaving_210 as now left join sent_210 using (reporter_code, account_id)
union all
from sent_210 anti join leaving_210 using (reporter_code, account_id);

create view carried_sent_220 as
from (
    select reporter_code, agreement_id, report_date, rpt_date_code, credit_lim from leaving_220
    union all
    from sent_220
)
qualify row_number() over (
    partition by reporter_code, agreement_id order by report_date desc
) = 1;

create view carried_sent_110 as
select
    reporter_code, customer_id, name, id_type, id_num, report_date,
    hash_fcs, hash_sps, hash_edu, hash_octpn, hash_rednc
from leaving_110
union all
from sent_110 anti join leaving_110 using (reporter_code, customer_id);
