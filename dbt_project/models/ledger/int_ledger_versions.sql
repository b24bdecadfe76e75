-- One row per account and reading of its ledger. An account without reversals has one reading for
-- all months; each month with a reversal starts another, valid for the month ends from there to the
-- next.
with starts as (
    select
        account_id,
        date '1900-01-01' as valid_from_month
    from {{ ref('int_accounts_open') }}
    union distinct
    select
        account_id,
        reversed_in_month as valid_from_month
    from {{ ref('int_reversals_applied') }}
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
    versions.account_id,
    versions.valid_from_month,
    versions.valid_before_month,
    versions.valid_before_month = date '2100-01-01' as is_current,
    least(cast(versions.valid_before_month as timestamp), {{ day_after('accounts.report_date') }})
        as ends_before
from versions
inner join {{ ref('int_accounts_open') }} as accounts
    on versions.account_id = accounts.account_id
