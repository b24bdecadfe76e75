-- One row per reported account and report date: record 210, personal loan account (个人借贷账户),
-- segments B base, C basic information, F credit limit and H monthly performance. Columns are the
-- bureau's tags; amounts in whole yuan. C and F go out first and when a value in them changed
-- (contracts, section 5).
with statuses as (
    select
        status.*,
        population.customer_id,
        accounts.product_code,
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
        status.account_status = '3' as is_closed
    from {{ ref('repayment_status') }} as status
    inner join {{ ref('reportable_population') }} as population
        on status.account_id = population.account_id
        and population.is_reportable
    inner join {{ ref('int_accounts_open') }} as accounts
        on status.account_id = accounts.account_id
    inner join {{ ref('int_ledger_at_report_date') }} as ledger
        on status.account_id = ledger.account_id
    left join {{ ref('reporters') }} as reporters
        on accounts.reporter_code = reporters.reporter_code
),

period_counts as (
    select
        account_id,
        max(period_count) as period_count
    from {{ ref('stg_bills') }}
    group by account_id
),

fields as (
    select
        statuses.account_id,
        statuses.customer_id,
        statuses.agreement_id,
        statuses.reporter_code,
        statuses.report_month,
        statuses.report_date,
        statuses.authorized_on,
        statuses.is_closed,

        statuses.account_type as acct_type,
        concat(statuses.reporter_code, statuses.account_id) as acct_code,
        statuses.report_date as rpt_date,
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
            when statuses.account_type = 'R4'
                then coalesce(period_counts.period_count, statuses.bills_known)
        end as repay_prd,
        statuses.applied_district as apply_busi_dist,
        '4' as guar_mode,
        '0' as oth_repy_guar_way,
        case when statuses.is_closed and statuses.closure_kind = 'transferred' then '1' else '0' end
            as asset_trand_flag,
        '1' as fund_sou,
        '1' as loan_form,

        concat(statuses.reporter_code, statuses.agreement_id) as mcc,

        substr(cast(statuses.report_month as {{ dbt.type_string() }}), 1, 7) as month,
        statuses.report_date as sett_date,
        statuses.account_status as acct_status,
        {{ yuan('statuses.balance') }} as acct_bal,
        statuses.remaining_periods as rem_rep_prd,
        statuses.five_tier_class as five_cate,
        statuses.five_tier_assigned_on as five_cate_adj_date,
        statuses.repayment_status as rpy_status,
        statuses.overdue_periods as overd_prd,
        {{ yuan('statuses.overdue_total') }} as tot_overd,
        {{ yuan('statuses.overdue_principal') }} as overd_princ,
        -- buckets: round the sums from the oldest slice on, each bucket is the difference
        {{ yuan('overdue_principal_over_180') }} as over_180,
        {{ yuan('overdue_principal_over_180 + overdue_principal_91_180') }} as over_90,
        {{ yuan('overdue_principal_over_180 + overdue_principal_91_180 '
            ~ '+ overdue_principal_61_90') }} as over_60,
        {{ yuan('overdue_principal_over_180 + overdue_principal_91_180 '
            ~ '+ overdue_principal_61_90 + overdue_principal_31_60') }} as over_30,
        {{ yuan('statuses.amount_due') }} as cur_rpy_amt,
        {{ yuan('statuses.amount_paid') }} as act_rpy_amt,
        coalesce(statuses.last_paid_on, statuses.opened_on) as lat_rpy_date,
        case when statuses.is_closed then statuses.closed_on end as close_date
    from statuses
    inner join {{ ref('stg_customers') }} as customers
        on statuses.customer_id = customers.customer_id
    left join period_counts
        on statuses.account_id = period_counts.account_id
),

hashed as (
    select
        fields.*,
        {{ keyed_hash(['acct_type', 'acct_code', 'name', 'id_type', 'id_num',
            'mngmt_org_code']) }} as hash_b,
        {{ keyed_hash(['busi_lines', 'busi_dtl_lines', 'open_date', 'cy', 'acct_cred_line',
            'loan_amt', 'due_date', 'repay_mode', 'repay_freqcy', 'repay_prd', 'apply_busi_dist',
            'guar_mode', 'oth_repy_guar_way', 'asset_trand_flag', 'fund_sou',
            'loan_form']) }} as hash_c,
        {{ keyed_hash(['mcc']) }} as hash_f,
        {{ keyed_hash(['month', 'sett_date', 'acct_status', 'acct_bal', 'rem_rep_prd', 'five_cate',
            'five_cate_adj_date', 'rpy_status', 'overd_prd', 'tot_overd', 'overd_princ',
            'over_180', 'over_90', 'over_60', 'over_30', 'cur_rpy_amt', 'act_rpy_amt',
            'lat_rpy_date', 'close_date']) }} as hash_h
    from fields
    cross join {{ source('keys', 'hash_key') }} as hash_key
)

select
    hashed.account_id,
    hashed.customer_id,
    hashed.agreement_id,
    hashed.reporter_code,
    hashed.report_month,
    hashed.report_date,
    hashed.authorized_on,
    '210' as inf_rec_type,
    hashed.acct_type,
    hashed.acct_code,
    hashed.rpt_date,
    case
        when hashed.is_closed and hashed.report_date = {{ report_month_end() }} then '32'
        when hashed.is_closed then '20'
        when sent.subject_id is null and hashed.report_date = hashed.open_date then '10'
        when sent.subject_id is null then '31'
        else '30'
    end as rpt_date_code,
    hashed.name,
    hashed.id_type,
    hashed.id_num,
    hashed.mngmt_org_code,
    sent.sent_c is null or sent.sent_c <> hashed.hash_c as seg_c,
    sent.sent_f is null or sent.sent_f <> hashed.hash_f as seg_f,
    true as seg_h,
    hashed.busi_lines,
    hashed.busi_dtl_lines,
    hashed.open_date,
    hashed.cy,
    hashed.acct_cred_line,
    hashed.loan_amt,
    hashed.due_date,
    hashed.repay_mode,
    hashed.repay_freqcy,
    hashed.repay_prd,
    hashed.apply_busi_dist,
    hashed.guar_mode,
    hashed.oth_repy_guar_way,
    hashed.asset_trand_flag,
    hashed.fund_sou,
    hashed.loan_form,
    hashed.mcc,
    hashed.month,
    hashed.sett_date,
    hashed.acct_status,
    hashed.acct_bal,
    hashed.rem_rep_prd,
    hashed.five_cate,
    hashed.five_cate_adj_date,
    hashed.rpy_status,
    hashed.overd_prd,
    hashed.tot_overd,
    hashed.overd_princ,
    hashed.over_30 - hashed.over_60 as oved31_60,
    hashed.over_60 - hashed.over_90 as oved61_90,
    hashed.over_90 - hashed.over_180 as oved91_180,
    hashed.over_180 as oved180,
    hashed.cur_rpy_amt,
    hashed.act_rpy_amt,
    hashed.lat_rpy_date,
    hashed.close_date,
    hashed.hash_b,
    hashed.hash_c,
    hashed.hash_f,
    hashed.hash_h
from hashed
left join {{ ref('records_sent_before') }} as sent
    on hashed.account_id = sent.subject_id
    and hashed.reporter_code = sent.reporter_code
    and sent.record_type = '210'
