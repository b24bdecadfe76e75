-- One row per account and month that may be reported in this run (the report month, and earlier
-- months still pending): what record 210 says of it, tag by tag, whichever segments will go out.
-- Amounts in whole yuan (contracts, section 5; bureau interface, sections 2.1 to 2.6). Not stored:
-- composed_210 is these values at their place in the account's sequence.
-- Long, because a record has 60 tags, and each of them is a column.
{{ config(materialized='ephemeral') }}

with reversals as (
    select distinct
        account_id,
        reversed_in_month
    from {{ ref('int_reversals_applied') }}
),

statuses as (
    select
        status.*,
        population.customer_id,
        population.product_code,
        population.reporter_code,
        population.authorized_on,
        accounts.agreement_id,
        accounts.account_type,
        accounts.repay_mode,
        accounts.repay_frequency,
        accounts.business_detail,
        accounts.opened_on,
        accounts.matures_on,
        accounts.closure_kind,
        coalesce(accounts.applied_district, reporters.district) as applied_district,
        ledger.drawn,
        ledger.last_due_on,
        ledger.bills_known,
        ledger.period_count,
        coalesce(ledger.oldest_late_principal_on = status.oldest_unpaid_due_on, false)
            as is_oldest_late_principal,
        status.account_status = '3' as is_closed,
        status.repayment_status = 'G' as is_transferred
    from {{ ref('repayment_status') }} as status
    inner join {{ ref('reportable_population') }} as population
        on status.account_id = population.account_id
        and status.report_month = population.report_month
        and population.is_reportable
    inner join {{ ref('int_months_read') }} as months
        on status.account_id = months.account_id
        and status.report_month = months.report_month
        and months.is_to_send
    inner join {{ ref('int_accounts_open') }} as accounts
        on status.account_id = accounts.account_id
        and status.report_month = accounts.report_month
    inner join {{ ref('int_ledger_at_report_date') }} as ledger
        on status.account_id = ledger.account_id
        and status.report_month = ledger.report_month
    left join {{ ref('reporters') }} as reporters
        on accounts.reporter_code = reporters.reporter_code
),

fields as (
    select
        statuses.account_id,
        statuses.customer_id,
        statuses.product_code,
        statuses.agreement_id,
        statuses.reporter_code,
        statuses.report_date,
        statuses.authorized_on,
        statuses.is_closed,
        statuses.is_transferred,
        statuses.is_oldest_late_principal,
        reversals.account_id is not null as has_reversal_in_month,

        statuses.account_type as acct_type,
        concat(statuses.reporter_code, statuses.account_id) as acct_code,
        customers.name,
        customers.id_type,
        customers.id_number as id_num,
        statuses.reporter_code as mngmt_org_code,

        '1' as busi_lines,
        statuses.business_detail as busi_dtl_lines,
        statuses.opened_on as open_date,
        'CNY' as cy,
        case when statuses.account_type = 'R1' then {{ yuan('statuses.credit_limit') }} end
            as acct_cred_line,
        case when statuses.account_type = 'R4' then {{ yuan('statuses.drawn') }} end as loan_amt,
        coalesce(
            statuses.matures_on,
            case when statuses.account_type = 'R4' then statuses.last_due_on end,
            date '2099-12-31'
        ) as due_date,
        statuses.repay_mode,
        statuses.repay_frequency as repay_freqcy,
        case
            when statuses.account_type <> 'R4' then null
            when statuses.repay_mode like '2%' then 0  -- paid at once: no periods
            else coalesce(statuses.period_count, statuses.bills_known)
        end as repay_prd,
        statuses.applied_district as apply_busi_dist,
        '4' as guar_mode,
        '0' as oth_repy_guar_way,
        case when statuses.is_transferred then '1' else '0' end as asset_trand_flag,
        '1' as fund_sou,
        '1' as loan_form,

        concat(statuses.reporter_code, statuses.agreement_id) as mcc,

        substr(cast(statuses.report_month as {{ dbt.type_string() }}), 1, 7) as month,
        statuses.account_status as acct_status,
        statuses.remaining_periods as rem_rep_prd,
        statuses.five_tier_class as five_cate,
        statuses.five_tier_assigned_on as five_cate_adj_date,
        statuses.repayment_status as rpy_status,
        statuses.balance,
        -- what a transferred account owes is the buyer's from now on: segment K tells the sum
        {%- for tag, amount in [
            ('overd_prd', 'statuses.overdue_periods'),
            ('acct_bal', yuan('statuses.balance')),
            ('tot_overd', yuan('statuses.overdue_total')),
            ('overd_princ', yuan('statuses.overdue_principal')),
        ] %}
        case when statuses.is_transferred then 0 else {{ amount }} end as {{ tag }},
        {%- endfor %}
        -- buckets: round the sums from the oldest slice on, each bucket is the difference
        {%- for tag, amount in [
            ('over_180', 'overdue_principal_over_180'),
            ('over_90', 'overdue_principal_over_180 + overdue_principal_91_180'),
            ('over_60', 'overdue_principal_over_180 + overdue_principal_91_180 '
                ~ '+ overdue_principal_61_90'),
            ('over_30', 'overdue_principal_over_180 + overdue_principal_91_180 '
                ~ '+ overdue_principal_61_90 + overdue_principal_31_60'),
        ] %}
        case when statuses.is_transferred then 0 else {{ yuan(amount) }} end as {{ tag }},
        {%- endfor %}
        {{ yuan('statuses.amount_due') }} as cur_rpy_amt,
        {{ yuan('statuses.amount_paid') }} as act_rpy_amt,
        coalesce(statuses.last_paid_on, statuses.opened_on) as lat_rpy_date,
        case when statuses.is_closed then statuses.closed_on end as close_date,

        special.written_off_on as write_off_tran_date,
        {{ yuan('special.written_off_amount') }} as write_off_tran_amt,
        {{ yuan('special.settled_amount') }} as settlement_tran_amt
    from statuses
    inner join {{ ref('stg_customers') }} as customers
        on statuses.customer_id = customers.customer_id
    left join {{ ref('int_special_transactions') }} as special
        on statuses.account_id = special.account_id
        and statuses.report_month = special.report_month
    left join reversals
        on statuses.account_id = reversals.account_id
        and statuses.report_month = reversals.reversed_in_month
)

select  -- segment K: 15 write-off, 13 transfer, 5 early settlement of a loan
    fields.*,
    case when fields.is_transferred then fields.close_date end as transfer_tran_date,
    {{ yuan('balance') }} as transfer_tran_amt,
    case
        when
            fields.rpy_status = 'C'
            and fields.acct_type = 'R4'
            and fields.close_date < fields.due_date
            and fields.due_date < date '2099-12-31'  -- the end is known
            then fields.close_date
    end as settlement_tran_date,
    {{ months_between('close_date', 'due_date') }} as settlement_due_tran_mon,
    {{ keyed_hash(['name', 'id_type', 'id_num']) }} as identity_hash,
    {{ segment_hmac(['acct_type', 'acct_code', 'name', 'id_type', 'id_num',
        'mngmt_org_code']) }} as hash_b,
    {{ segment_hmac(['busi_lines', 'busi_dtl_lines', 'open_date', 'cy', 'acct_cred_line',
        'loan_amt', 'due_date', 'repay_mode', 'repay_freqcy', 'repay_prd', 'apply_busi_dist',
        'guar_mode', 'oth_repy_guar_way', 'asset_trand_flag', 'fund_sou',
        'loan_form']) }} as hash_c,
    {{ segment_hmac(['mcc']) }} as hash_f,
    {{ segment_hmac(['month', 'report_date', 'acct_status', 'acct_bal', 'rem_rep_prd', 'five_cate',
        'five_cate_adj_date', 'rpy_status', 'overd_prd', 'tot_overd', 'overd_princ',
        'over_180', 'over_90', 'over_60', 'over_30', 'cur_rpy_amt', 'act_rpy_amt',
        'lat_rpy_date', 'close_date']) }} as hash_h
from fields
cross join {{ source('keys', 'hash_key') }} as hash_key
