-- One row per account and reading of its ledger. An account without reversals has one reading for
-- all months; each month with a reversal starts another, valid for the month ends from there to the
-- next. A reading also ends with a month that is read (read_month), so that the state at its end is
-- that month's state at the report date. reading_no numbers the readings.
with starts as (
    select
        account_id,
        date '1900-01-01' as valid_from_month
    from {{ ref('int_accounts_read') }}
    union distinct
    select
        account_id,
        reversed_in_month as valid_from_month
    from {{ ref('int_reversals_applied') }}
    union distinct
    select
        months.account_id,
        {{ add_months('months.report_month', 1) }} as valid_from_month
    from {{ ref('int_accounts_open') }} as months
    inner join {{ ref('int_accounts_read') }} as newest
        on months.account_id = newest.account_id
        and months.report_month < newest.report_month
),

versions as (
    select
        account_id,
        valid_from_month,
        lead(valid_from_month, 1, date '2100-01-01') over (
            partition by account_id
            order by valid_from_month
        ) as valid_before_month
    from starts
)

select
    {{ row_numbers('versions.account_id, versions.valid_from_month') }} as reading_no,
    versions.account_id,
    versions.valid_from_month,
    versions.valid_before_month,
    months.report_month as read_month,
    accounts.prepayment,
    accounts.penalty_rank,
    accounts.fee_rank,
    accounts.interest_rank,
    accounts.principal_rank,
    least(cast(versions.valid_before_month as timestamp), {{ day_after('accounts.report_date') }})
        as ends_before
from versions
inner join {{ ref('int_accounts_read') }} as accounts
    on versions.account_id = accounts.account_id
left join {{ ref('int_accounts_open') }} as months
    on versions.account_id = months.account_id
    and versions.valid_from_month <= months.report_month
    and versions.valid_before_month > months.report_month
