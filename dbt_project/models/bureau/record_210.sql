-- One row per reported account and report date: record 210, personal loan account (个人借贷账户),
-- segments B base, C basic information, F credit limit, H monthly performance and K special
-- transactions. Beside the report month stand the earlier months that are still owed and may go out
-- now. Columns are the bureau's tags. C and F go out first and when a value in them changed since
-- the record before it by report date (contracts, section 5).
with said as (  -- what the bureau knows of C and F after each record, sent before or about to be
    select
        reporter_code,
        account_id,
        report_date,
        false as is_candidate,
        {{ segment_hash('C') }} as hash_c,
        {{ segment_hash('F') }} as hash_f
    from {{ ref('records_sent') }}
    where record_type = '210'
    union all
    select
        reporter_code,
        account_id,
        report_date,
        true as is_candidate,
        hash_c,
        hash_f
    from {{ ref('values_210') }}
),

known_before as (
    select
        reporter_code,
        account_id,
        report_date,
        is_candidate,
        {%- for segment in ['c', 'f'] %}
        {{ last_known('hash_' ~ segment) }} over (
            partition by reporter_code, account_id
            order by report_date
            rows between unbounded preceding and 1 preceding
        ) as known_{{ segment }},
        {%- endfor %}
        row_number() over (
            partition by reporter_code, account_id
            order by report_date
        ) = 1 as is_first
    from said
)

select
    items.account_id,
    items.customer_id,
    items.agreement_id,
    items.reporter_code,
    {{ report_month() }} as report_month,
    items.report_date,
    items.authorized_on,
    items.is_oldest_late_principal,
    items.has_reversal_in_month,
    '210' as inf_rec_type,
    items.acct_type,
    items.acct_code,
    items.report_date as rpt_date,
    case
        when items.is_closed and items.report_date = last_day(items.report_date) then '32'
        when items.is_closed then '20'
        when
            known_before.is_first
            and items.report_date = items.open_date
            and items.write_off_tran_date is null  -- a new account has no special transactions
            then '10'
        when known_before.is_first then '31'
        else '30'
    end as rpt_date_code,
    items.name,
    items.id_type,
    items.id_num,
    items.mngmt_org_code,
    known_before.known_c is null or known_before.known_c <> items.hash_c as seg_c,
    known_before.known_f is null or known_before.known_f <> items.hash_f as seg_f,
    true as seg_h,
    coalesce(
        items.write_off_tran_date, items.transfer_tran_date, items.settlement_tran_date
    ) is not null as seg_k,
    items.busi_lines,
    items.busi_dtl_lines,
    items.open_date,
    items.cy,
    items.acct_cred_line,
    items.loan_amt,
    items.due_date,
    items.repay_mode,
    items.repay_freqcy,
    items.repay_prd,
    items.apply_busi_dist,
    items.guar_mode,
    items.oth_repy_guar_way,
    items.asset_trand_flag,
    items.fund_sou,
    items.loan_form,
    items.mcc,
    items.month,
    items.report_date as sett_date,
    items.acct_status,
    items.acct_bal,
    items.rem_rep_prd,
    items.five_cate,
    items.five_cate_adj_date,
    items.rpy_status,
    items.overd_prd,
    items.tot_overd,
    items.overd_princ,
    items.over_30 - items.over_60 as oved31_60,
    items.over_60 - items.over_90 as oved61_90,
    items.over_90 - items.over_180 as oved91_180,
    items.over_180 as oved180,
    items.cur_rpy_amt,
    items.act_rpy_amt,
    items.lat_rpy_date,
    items.close_date,
    case when items.write_off_tran_date is null then 0 else 1 end
    + case when items.transfer_tran_date is null then 0 else 1 end
    + case when items.settlement_tran_date is null then 0 else 1 end as cag_of_trd_nm,
    items.write_off_tran_date,
    items.write_off_tran_amt,
    items.transfer_tran_date,
    items.transfer_tran_amt,
    items.settlement_tran_date,
    items.settlement_tran_amt,
    items.settlement_due_tran_mon,
    items.identity_hash,
    items.hash_b,
    items.hash_c,
    items.hash_f,
    items.hash_h,
    {{ keyed_hash(['items.write_off_tran_date', 'items.write_off_tran_amt',
        'items.transfer_tran_date', 'items.transfer_tran_amt', 'items.settlement_tran_date',
        'items.settlement_tran_amt', 'items.settlement_due_tran_mon']) }} as hash_k
from {{ ref('values_210') }} as items
inner join known_before
    on items.account_id = known_before.account_id
    and items.reporter_code = known_before.reporter_code
    and items.report_date = known_before.report_date
    and known_before.is_candidate
cross join {{ source('keys', 'hash_key') }} as hash_key
