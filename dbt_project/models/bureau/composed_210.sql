-- One row per reported account and report date: record 210, personal loan account (个人借贷账户),
-- segments B base, C basic information, F credit limit, H monthly performance and K special
-- transactions, at its place in the account's sequence as if no record were withheld. Beside the
-- report month stand the earlier months that are pending and may be sent now. Columns are the
-- bureau's tags (contracts, section 5).
with items as (
    select
        *,
        true as is_told
    from {{ ref('values_210') }}
),

sequence as (
    {{ place_in_sequence('items') }}
)

select
    items.account_id,
    items.customer_id,
    items.product_code,
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
    sequence.rpt_date_code,
    items.name,
    items.id_type,
    items.id_num,
    items.mngmt_org_code,
    sequence.seg_c,
    sequence.seg_f,
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
    case
        when
            coalesce(
                items.write_off_tran_date, items.transfer_tran_date, items.settlement_tran_date
            ) is not null
            then {{ segment_hmac(['items.write_off_tran_date', 'items.write_off_tran_amt',
                'items.transfer_tran_date', 'items.transfer_tran_amt',
                'items.settlement_tran_date', 'items.settlement_tran_amt',
                'items.settlement_due_tran_mon'], 'items.customer_id') }}
    end as hash_k
from items
inner join sequence
    on items.account_id = sequence.account_id
    and items.reporter_code = sequence.reporter_code
    and items.report_date = sequence.report_date
cross join {{ source('keys', 'hash_key') }} as hash_key
