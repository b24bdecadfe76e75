-- One row per record of the month that was built or withheld (contracts, section 4).
-- The hash of its line is keyed: all of a line but name and number is published, so that a plain
-- hash would allow every identity number to be tried out.
with hashed as (  -- before the join: what is joined should not carry whole lines
    select
        lines.* exclude (line),  -- noqa: RF02
        {{ adapter.dispatch("hmac_sha256")("lines.line") }} as content_sha256
    from {{ source('records', 'record_lines') }} as lines
    cross join {{ source('keys', 'hash_key') }} as hash_key
)

select
    left(sha256(concat_ws(
        '|', hashed.record_type, hashed.reporter_code, hashed.subject_id,
        hashed.report_month, hashed.report_date,
        case when run.is_supplement then run.as_of end  -- left out where it is null
    )), 24) as record_id,
    hashed.reporter_code,
    hashed.record_type,
    hashed.subject_id,
    hashed.account_id,
    hashed.report_month,
    hashed.report_date,
    hashed.report_date_code,
    hashed.segment_hashes,
    hashed.content_sha256,
    status.repayment_status,
    status.overdue_total,
    hashed.file_name,
    hashed.state,
    nullif(array_to_string(hashed.rule_ids, ', '), '') as rule_ids,
    hashed.faulty_elements,
    cast(null as timestamp) as released_at,
    cast(null as varchar) as feedback_code,
    hashed.account_type,
    hashed.opened_on,
    hashed.five_tier_assigned_on,
    hashed.identity_hash,
    hashed.values_hash,
    hashed.agreement_id,
    hashed.credit_limit,
    hashed.customer_id,
    hashed.product_code,
    run.as_of,
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
    hashed.oved31_60,
    hashed.oved61_90,
    hashed.oved91_180,
    hashed.oved180,
    hashed.cur_rpy_amt,
    hashed.act_rpy_amt,
    hashed.lat_rpy_date,
    hashed.close_date,
    hashed.cag_of_trd_nm,
    hashed.write_off_tran_date,
    hashed.write_off_tran_amt,
    hashed.transfer_tran_date,
    hashed.transfer_tran_amt,
    hashed.settlement_tran_date,
    hashed.settlement_tran_amt,
    hashed.settlement_due_tran_mon,
    hashed.credit_lim_type,
    hashed.lim_loop_flg,
    hashed.credit_lim,
    hashed.con_eff_date,
    hashed.con_exp_date,
    hashed.con_status,
    hashed.credit_rest,
    hashed.credit_rest_code
from hashed
cross join {{ source('run', 'built_months') }} as run
left join {{ ref('repayment_status') }} as status
    on hashed.account_id = status.account_id
    and date_trunc('month', hashed.report_date) = status.report_month
