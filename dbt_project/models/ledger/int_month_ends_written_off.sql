-- One row per account and month end in scope, up to the newest, after a write-off at which
-- something is still owed: an unpaid item or a balance above zero (contracts, section 2, rule 9).
-- The amount of the write-off is ignored.
with write_offs as (
    select
        versions.account_id,
        versions.reading_no,
        min(payments.occurred_at) as written_off_at
    from {{ ref('int_payments_effective') }} as payments
    inner join {{ ref('int_ledger_versions') }} as versions
        on payments.reading_no = versions.reading_no
    where payments.transaction_type = 'write_off'
    group by versions.account_id, versions.reading_no
),

month_ends as (
    select
        write_offs.*,
        accounts.report_month as newest_month,
        accounts.report_date as newest_report_date,
        {%- set written_off_in = month_start('cast(written_off_at as date)') %}
        {{ month_series(
            'greatest(' ~ written_off_in ~ ', accounts.month_ends_from)', 'accounts.report_month'
        ) }} as month
    from write_offs
    inner join {{ ref('int_accounts_read') }} as accounts
        on write_offs.account_id = accounts.account_id
),

at_month_end as (
    select
        month_ends.account_id,
        month_ends.reading_no,
        month_ends.month,
        month_ends.written_off_at,
        case
            when month_ends.month = month_ends.newest_month then month_ends.newest_report_date
            else last_day(month_ends.month)
        end as report_date
    from month_ends
    inner join {{ ref('int_ledger_versions') }} as versions
        on month_ends.reading_no = versions.reading_no
        and month_ends.month >= versions.valid_from_month
        and month_ends.month < versions.valid_before_month
),

spent as (  -- a month end later than the reading's end has its own reading
    select
        at_month_end.account_id,
        at_month_end.month,
        sum(spending.spent) as amount
    from at_month_end
    inner join {{ ref('int_spending') }} as spending
        on at_month_end.reading_no = spending.reading_no
        and at_month_end.month >= spending.month
    group by at_month_end.account_id, at_month_end.month
),

billed as (
    select
        at_month_end.account_id,
        at_month_end.month,
        sum(bills.principal_asked) as amount
    from at_month_end
    inner join {{ ref('int_bills_due') }} as bills
        on at_month_end.account_id = bills.account_id
        and at_month_end.report_date >= bills.statement_on
    group by at_month_end.account_id, at_month_end.month
),

walked as (
    select
        at_month_end.account_id,
        at_month_end.month,
        max_by(walked.open_amount, walked.entry_number) as open_amount,
        max_by(walked.due_less_paid, walked.entry_number) as due_less_paid
    from at_month_end
    inner join {{ ref('int_ledger_walked') }} as walked
        on at_month_end.reading_no = walked.reading_no
        and walked.happened_at < {{ day_after('at_month_end.report_date') }}
    group by at_month_end.account_id, at_month_end.month
)

select
    at_month_end.account_id,
    at_month_end.month,
    at_month_end.report_date,
    cast(at_month_end.written_off_at as date) as written_off_on
from at_month_end
left join {{ ref('accounts_brought_forward') }} as opening
    on at_month_end.account_id = opening.account_id
left join spent
    on at_month_end.account_id = spent.account_id
    and at_month_end.month = spent.month
left join billed
    on at_month_end.account_id = billed.account_id
    and at_month_end.month = billed.month
left join walked
    on at_month_end.account_id = walked.account_id
    and at_month_end.month = walked.month
where
    at_month_end.written_off_at < {{ day_after('at_month_end.report_date') }}
    and (
        coalesce(walked.open_amount, 0) > 0
        -- with nothing open the balance is what was spent less what was billed (and so paid) and
        -- left over
        or coalesce(spent.amount, 0) + coalesce(opening.spent, 0)
        - coalesce(billed.amount, 0) - coalesce(opening.principal_billed, 0)
        + coalesce(walked.due_less_paid, 0) > 0
    )
