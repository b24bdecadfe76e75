-- One row per account recorded by the cut-off and month that is read, with the product's policy and
-- the report date: the month's end, or the closing day of an account that closes in the month
-- (contracts, section 2).
select
    accounts.account_id,
    months.report_month,
    months.report_month < {{ report_month() }} as is_owed_from_before,
    accounts.customer_id,
    accounts.product_code,
    accounts.reporter_code,
    accounts.opened_on,
    accounts.matures_on,
    accounts.closed_on,
    accounts.closure_kind,
    accounts.applied_district,
    coalesce(accounts.parent_account_id, accounts.account_id) as agreement_id,
    policy.account_type,
    policy.reporting_basis,
    policy.document_code,
    policy.repay_mode,
    policy.repay_frequency,
    policy.business_detail,
    policy.grace_days,
    policy.due_basis,
    policy.prepayment,
    policy.on_withdrawal,
    policy.penalty_rank,
    policy.fee_rank,
    policy.interest_rank,
    policy.principal_rank,
    case
        when accounts.closed_on between months.report_month and last_day(months.report_month)
            then accounts.closed_on
        else last_day(months.report_month)
    end as report_date,
    coalesce(
        accounts.closed_on between months.report_month and last_day(months.report_month), false
    ) as is_closed_in_month,
    accounts.opened_on <= last_day(months.report_month) as is_opened_by_month_end,
    coalesce(accounts.closed_on < months.report_month, false) as is_closed_earlier
from {{ ref('int_months_read') }} as months
inner join {{ ref('stg_accounts') }} as accounts
    on months.account_id = accounts.account_id
inner join {{ ref('stg_product_policy') }} as policy
    on accounts.product_code = policy.product_code
