-- The state of every open account at its report date, and who is reported (contracts, sections 2
-- and 3).

create table status as
with paid as (
    select
        account_no,
        sum(case when occurred_at >= month_start() then amount else 0 end) as amount_paid,
        max(occurred_at::date) as last_paid_on
    from payments
    where transaction_type = 'repayment' and reversed_in_month is null
    group by account_no
),

billed as (
    select
        account_no,
        sum(principal_asked) filter (statement_on <= report_date) as principal_billed,
        sum(asked) filter (
            statement_on <= report_date and due_on between month_start() and report_date
        ) as amount_due,
        count(distinct due_on) filter (due_on > report_date) as due_dates_ahead,
        max(due_on) as last_due_on,
        count(*) as bills_known,
        max(period_count) as period_count
    from bills inner join accounts using (account_no)
    group by account_no
),

items_now as (
    select
        items.*,
        report_date,
        report_date - due_on as age,
        late_from <= report_date as is_late,
        is_late and part = 'principal' as is_late_principal
    from items inner join readings using (reading_no, account_no)
    where is_at_report_date
),

unpaid as (
    select
        account_no,
        sum(unpaid) filter (part = 'principal') as principal_unpaid,
        bool_or(is_late) as has_late,
        min(due_on) filter (is_late) as oldest_unpaid_due_on,
        min(due_on) filter (is_late_principal and unpaid >= 1) as oldest_late_principal_on,
        count(distinct due_on) filter (is_late and part <> 'penalty') as late_due_dates,
        sum(unpaid) filter (is_late or (part = 'penalty' and due_on = report_date)) as overdue,
        sum(unpaid) filter (is_late_principal) as overdue_principal,
        sum(unpaid) filter (is_late_principal and age between 31 and 60) as over_30,
        sum(unpaid) filter (is_late_principal and age between 61 and 90) as over_60,
        sum(unpaid) filter (is_late_principal and age between 91 and 180) as over_90,
        sum(unpaid) filter (is_late_principal and age > 180) as over_180
    from items_now
    where unpaid > 0
    group by account_no
),

late_in_month as (
    select distinct account_no
    from items_now
    where
        is_late
        and (paid_off_at is null or (paid_off_at >= late_from and paid_off_at >= month_start()))
),

limits as (
    select account_no, max_by(credit_limit, effective_on) as credit_limit
    from accounts inner join credit_limits
        on accounts.agreement_id = credit_limits.account_id
        and effective_on <= report_date
    where is_open
    group by account_no
),

ledger as (
    select
        account_no,
        accounts.report_date,
        is_closed_in_month,
        closure_kind,
        opened_on,
        closed_on,
        credit_limit,
        coalesce(spent.drawn, 0) as drawn,
        coalesce(spent.spent, 0)
        - coalesce(billed.principal_billed, 0) - coalesce(brought.principal_billed, 0)
        + coalesce(principal_unpaid, 0)
        - coalesce(open_amount - due_less_paid, 0) as balance,
        coalesce(principal_unpaid, 0) as principal_unpaid,
        coalesce(amount_due, 0) as amount_due,
        coalesce(amount_paid, 0) as amount_paid,
        greatest(paid.last_paid_on, brought.last_paid_on) as last_paid_on,
        coalesce(due_dates_ahead, 0) as due_dates_ahead,
        greatest(billed.last_due_on, brought.last_due_on) as last_due_on,
        coalesce(billed.bills_known, 0) + coalesce(brought.bills_known, 0) as bills_known,
        greatest(billed.period_count, brought.period_count) as period_count,
        coalesce(has_late, false) as has_late,
        late_in_month.account_no is not null as was_late,
        oldest_unpaid_due_on,
        coalesce(oldest_late_principal_on = oldest_unpaid_due_on, false)
            as is_oldest_late_principal,
        case when has_late then greatest(late_due_dates, 1) else 0 end as overdue_periods,
        case when has_late then overdue else 0 end as overdue_total,
        coalesce(overdue_principal, 0) as overdue_principal,
        coalesce(over_30, 0) as over_30,
        coalesce(over_60, 0) as over_60,
        coalesce(over_90, 0) as over_90,
        coalesce(over_180, 0) as over_180
    from accounts
    left join spent using (account_no)
    left join paid using (account_no)
    left join billed using (account_no)
    left join walked_to using (account_no)
    left join unpaid using (account_no)
    left join late_in_month using (account_no)
    left join brought using (account_no)
    left join limits using (account_no)
    where is_open
)

select
    ledger.*,
    case
        when off.account_no is not null then 'B'
        when is_closed_in_month and closure_kind = 'transferred' then 'G'
        when is_closed_in_month then 'C'
        when has_late then repayment_status
        when was_late then 'M'
        when amount_due > 0 then 'N'
        else '*'
    end as repayment_status,
    case
        when off.account_no is not null then '42'
        when is_closed_in_month then '3'
        when has_late then '2'
        else '1'
    end as account_status,
    case
        when account_status = '3' then 0
        when balance > principal_unpaid then greatest(due_dates_ahead, 1)
        else due_dates_ahead
    end as remaining_periods,
    coalesce(five_tier_class, '1') as five_tier_class,
    coalesce(five_tier_assigned_on, opened_on) as five_tier_assigned_on
from ledger
left join repayment_statuses as statuses
    on has_late
    and ledger.report_date - oldest_unpaid_due_on
    between from_days::integer and to_days::integer
left join (
    from written_off_ends anti join settled_ends using (account_no, month)
    where month = month_start()
) as off using (account_no)
left join five_tier using (account_no);

create table population as
select
    accounts.account_no,
    account_id,
    case
        when not is_opened_by_month_end then 'NOT_YET_OPEN'
        when is_closed_earlier then 'CLOSED_EARLIER'
        when not coalesce(is_valid, false) then 'IDENTITY_INVALID'
        when not coalesce(accounts.opened_on >= adult_from, false) then 'UNDERAGE'
        when
            reporting_basis <> 'authorization'
            and not coalesce(has_signature_by_report_date, false)
            then 'CONTRACT_CONSENT_MISSING'
        when not coalesce(has_any_signature, false) then 'NOT_AUTHORIZED'
        when not has_signature_by_report_date then 'AUTHORIZED_AFTER_MONTH_END'
        when is_reporter_named and not (is_in_force or is_in_run_off)
            then 'AUTHORIZATION_WITHDRAWN'
        when not is_reporter_named then 'REPORTER_NOT_NAMED'
        when
            status.repayment_status in ('1', '2', '3', '4', '5', '6', '7', 'B')
            and notices.account_no is null
            then 'NOTICE_PENDING'
        else 'REPORTED'
    end as reason_code,
    case when is_in_force or is_in_run_off then authorizations.signed_at::date end
        as authorized_on
from accounts
left join identities using (customer_id)
left join authorizations using (account_no)
left join status using (account_no)
left join episodes using (account_no)
left join notices using (account_no, episode_started_on);
