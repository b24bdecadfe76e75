-- Records 210, 220 and 110 in the bureau's words (contracts, section 5). Of a first report every
-- segment goes out, later those that changed since they were sent.

create table record_210 as
with special as (
    select
        account_no,
        min(occurred_at::date) filter (is_write_off) as written_off_on,
        sum(amount) filter (is_write_off) as written_off_amount,
        sum(amount) filter (not is_write_off) as settled_amount
    from (
        select
            account_no, occurred_at, amount,
            transaction_type = 'write_off' as is_write_off
        from payments
        inner join status using (account_no)
        inner join authorizations using (account_no)
        where reversed_in_month is null and (
            (
                transaction_type = 'write_off' and occurred_at >= month_start()
                and occurred_at::date >= signed_at::date
            )
            or (
                transaction_type = 'repayment' and is_closed_in_month
                and occurred_at::date = last_paid_on
            )
        )
    )
    group by account_no
),

reversed_now as (
    select distinct account_no from reversals where reversed_in_month = month_start()
),

told as (
    select
        account_no,
        accounts.account_id, accounts.customer_id, accounts.product_code, accounts.agreement_id,
        accounts.reporter_code,
        status.report_date,
        authorized_on,
        is_oldest_late_principal,
        reversed_now.account_no is not null as has_reversal_in_month,
        account_type as acct_type,
        name, id_type, id_number as id_num,
        business_detail as busi_dtl_lines,
        accounts.opened_on as open_date,
        case when account_type = 'R1' then yuan(credit_limit) end as acct_cred_line,
        case when account_type = 'R4' then yuan(drawn) end as loan_amt,
        coalesce(
            matures_on, case when account_type = 'R4' then last_due_on end, date '2099-12-31'
        ) as due_date,
        repay_mode,
        repay_frequency as repay_freqcy,
        case
            when account_type <> 'R4' then null
            when repay_mode like '2%' then 0
            else coalesce(period_count, bills_known)
        end as repay_prd,
        coalesce(applied_district, district) as apply_busi_dist,
        repayment_status = 'G' as is_transferred,
        (not is_transferred)::integer as is_kept,
        account_status as acct_status,
        yuan(greatest(balance, 0)) as whole_balance,
        is_kept * whole_balance as acct_bal,
        remaining_periods as rem_rep_prd,
        five_tier_class as five_cate,
        five_tier_assigned_on as five_cate_adj_date,
        repayment_status as rpy_status,
        is_kept * overdue_periods as overd_prd,
        is_kept * yuan(overdue_total) as tot_overd,
        is_kept * yuan(overdue_principal) as overd_princ,
        is_kept * yuan(over_180) as oved180,
        is_kept * yuan(over_180 + over_90) - oved180 as oved91_180,
        is_kept * yuan(over_180 + over_90 + over_60) - oved91_180 - oved180 as oved61_90,
        is_kept * yuan(over_180 + over_90 + over_60 + over_30) - oved61_90 - oved91_180 - oved180
            as oved31_60,
        yuan(amount_due) as cur_rpy_amt,
        yuan(amount_paid) as act_rpy_amt,
        coalesce(last_paid_on, accounts.opened_on) as lat_rpy_date,
        case when account_status = '3' then accounts.closed_on end as close_date,
        written_off_on as write_off_tran_date,
        yuan(coalesce(written_off_amount, 0)) as write_off_tran_amt,
        case when repayment_status = 'G' then close_date end as transfer_tran_date,
        case
            when
                repayment_status = 'C' and account_type = 'R4' and close_date < due_date
                and due_date < date '2099-12-31'
                then close_date
        end as settlement_tran_date,
        yuan(coalesce(settled_amount, 0)) as settlement_tran_amt
    from population
    inner join accounts using (account_no)
    inner join status using (account_no)
    inner join customers on accounts.customer_id = customers.customer_id
    left join (select reporter_code, district from reporters) as reporters
        on accounts.reporter_code = reporters.reporter_code
    left join special using (account_no)
    left join reversed_now using (account_no)
    where reason_code = 'REPORTED'
),

compared as (
    select
        told.*,
        reporter_code || agreement_id as mcc,
        sent.reporter_code is null as is_first,
        hash(
            busi_dtl_lines, told.open_date, acct_cred_line, loan_amt, due_date, repay_mode,
            repay_freqcy, repay_prd, apply_busi_dist, is_transferred
        ) as hash_c,
        hash(mcc) as hash_f,
        is_first or sent_c <> hash_c as seg_c,
        is_first or sent_f <> hash_f as seg_f
    from told left join (
        select reporter_code, account_id, columns('hash_(.*)') as 'sent_\1' from sent_210
    ) as sent using (reporter_code, account_id)
)

select
    compared.* exclude (is_kept, is_transferred, whole_balance),
    month_start() as report_month,
    '210' as inf_rec_type,
    reporter_code || account_id as acct_code,
    reporter_code as mngmt_org_code,
    reporter_code as org_code,
    report_date as rpt_date,
    case
        when acct_status = '3' and report_date = month_end() then '32'
        when acct_status = '3' then '20'
        when not is_first then '30'
        when report_date = open_date and write_off_tran_date is null then '10'
        else '31'
    end as rpt_date_code,
    true as seg_h,
    coalesce(write_off_tran_date, transfer_tran_date, settlement_tran_date) is not null as seg_k,
    '1' as busi_lines,
    'CNY' as cy,
    '4' as guar_mode,
    '0' as oth_repy_guar_way,
    is_transferred::integer::varchar as asset_trand_flag,
    '1' as fund_sou,
    '1' as loan_form,
    strftime(month_start(), '%Y-%m') as month,
    report_date as sett_date,
    (write_off_tran_date is not null)::integer + (transfer_tran_date is not null)::integer
    + (settlement_tran_date is not null)::integer as cag_of_trd_nm,
    whole_balance as transfer_tran_amt,
    (year(due_date) - year(close_date)) * 12 + month(due_date) - month(close_date)
        as settlement_due_tran_mon
from compared;

-- An agreement opens with its first reported account and is followed as long as somebody under it
-- may be named; the person on it is the first of those.
create table record_220 as
with named as (
    select
        account_no, account_id, accounts.reporter_code, agreement_id, customer_id, opened_on,
        authorized_on
    from population
    inner join accounts using (account_no, account_id)
    inner join identities using (customer_id)
    where
        is_opened_by_month_end and authorized_on is not null
        and is_valid and opened_on >= adult_from
),

reported as (
    select
        reporter_code,
        agreement_id,
        first_date,
        account_closed_on,
        coalesce(account_closed_on, month_end()) as last_date,
        under.opened_on,
        sent.agreement_id is not null as was_sent,
        sent.credit_lim as sent_lim
    from (
        select reporter_code, agreement_id, min(opened_on) as opened_on
        from accounts
        group by all
    ) as under
    left join (
        select
            reporter_code, agreement_id,
            min(report_date) as first_date,
            max(close_date) filter (acct_type = 'R1') as account_closed_on
        from record_210
        group by all
    ) as now using (reporter_code, agreement_id)
    left join sent_220 as sent using (reporter_code, agreement_id)
    where
        coalesce(sent.rpt_date_code <> '20', true)
        and (now.agreement_id is not null or sent.agreement_id is not null)
),

limits as (
    select
        reporter_code,
        agreement_id,
        min(effective_on) as first_effective_on,
        max_by(credit_limit, effective_on) filter (effective_on <= first_date) as at_start,
        max_by(credit_limit, effective_on) as at_end
    from reported inner join credit_limits
        on agreement_id = credit_limits.account_id and effective_on <= last_date
    group by all
),

decided as (
    select
        *,
        account_closed_on is not null or coalesce(at_end = 0, false) as is_ended,
        not was_sent and not (is_ended and (
            at_start is null
            or date_trunc('month', first_date) = date_trunc('month', last_date)
        )) as is_started
    from reported left join limits using (reporter_code, agreement_id)
),

events as (
    select
        reporter_code, agreement_id, opened_on, first_effective_on,
        '10' as rpt_date_code,
        case when at_start is null then last_date else first_date end as rpt_date,
        coalesce(at_start, at_end) as credit_limit
    from decided
    where is_started
    union all
    select
        reporter_code, agreement_id, opened_on, first_effective_on,
        case when is_ended then '20' else '30' end,
        last_date,
        at_end
    from decided
    where
        is_ended
        or coalesce(case when was_sent then sent_lim else yuan(at_start) end <> yuan(at_end), false)
),

people as (
    select
        reporter_code, agreement_id, rpt_date, rpt_date_code,
        min_by(customer_id, concat(named.opened_on, account_id)) as customer_id
    from events inner join named using (reporter_code, agreement_id)
    where rpt_date >= authorized_on
    group by all
)

select
    agreement_id, customer_id, reporter_code,
    reporter_code as org_code,
    reporter_code as mngmt_org_code,
    month_start() as report_month,
    rpt_date as report_date,
    '220' as inf_rec_type,
    reporter_code || agreement_id as contract_code,
    rpt_date,
    rpt_date_code,
    name, id_type, id_number as id_num,
    '10' as credit_lim_type,
    '1' as lim_loop_flg,
    yuan(credit_limit) as credit_lim,
    'CNY' as cy,
    case when first_effective_on <= rpt_date then first_effective_on else opened_on end
        as con_eff_date,
    date '2099-12-31' as con_exp_date,
    case when rpt_date_code = '20' then '2' else '1' end as con_status,
    null::bigint as credit_rest,
    null::varchar as credit_rest_code,
    coalesce(min(case when rpt_date_code = '20' then rpt_date end) over (
        partition by reporter_code, agreement_id
    ) < rpt_date, false) as is_expired_before,
    false as is_followed
from events
inner join people using (reporter_code, agreement_id, rpt_date, rpt_date_code)
inner join customers using (customer_id)
where credit_limit is not null;

create table record_110 as
with people as (
    select reporter_code, customer_id, min(report_date) as report_date
    from record_210 left join (
        select reporter_code, customer_id, report_date as sent_on, name, id_type, id_num
        from sent_110
    ) as sent using (reporter_code, customer_id, name, id_type, id_num)
    where coalesce(record_210.report_date > sent_on, true)
    group by all
),

filled as (
    select
        people.*,
        customers.* exclude (customer_id),
        coalesce(marital_status in ('20', '21', '22', '23'), false) as is_married,
        nullif(trim(spouse_name), '') as spouse,
        coalesce(employment_status in ('11', '13', '17', '21', '24', '91'), false) as is_employed,
        nullif(trim(employer_name), '') as employer
    from people inner join customers using (customer_id)
),

coded as (
    select
        reporter_code, customer_id, report_date,
        reporter_code as org_code,
        '110' as inf_rec_type,
        name, id_type, id_number as id_num,
        reporter_code as inf_surc_code,
        reporter_code as cimoc,
        report_date as rpt_date,
        '11' as customer_type,
        coalesce(sex, '9') as sex,
        birth_date as dob,
        case when id_type = '10' then 'CHN' end as nation,
        nullif(trim(mobile_number), '') as cell_phone,
        nullif(trim(email), '') as email,
        case when is_married and spouse is null then '99' else coalesce(marital_status, '99') end
            as mari_status,
        case when is_married then spouse end as spo_name,
        case when is_married and spouse is not null then nullif(trim(spouse_id_type), '') end
            as spo_id_type,
        case when is_married and spouse is not null then nullif(trim(spouse_id_number), '') end
            as spo_id_num,
        coalesce(education_level, '99') as edu_level,
        coalesce(academic_degree, '9') as aca_degree,
        case
            when is_employed and employer is null then '99' else coalesce(employment_status, '99')
        end as emp_status,
        case when is_employed then employer end as cpn_name,
        '9' as resi_status,
        nullif(trim(residence_address), '') as resi_addr,
        nullif(trim(residence_district), '') as resi_dist,
        least(recorded_at::date, report_date) as updated_on
    from filled
),

compared as (
    select
        coded.*,
        sent.reporter_code is null as is_first,
        hash(sex, dob, nation, cell_phone, email) as hash_fcs,
        hash(mari_status, spo_name, spo_id_type, spo_id_num) as hash_sps,
        hash(edu_level, aca_degree) as hash_edu,
        hash(emp_status, cpn_name) as hash_octpn,
        hash(resi_status, resi_addr, resi_dist) as hash_rednc,
        case when is_first then '10' else '20' end as rpt_date_code,
        is_first or sent_fcs <> hash_fcs as seg_fcs,
        is_first or sent_sps <> hash_sps as seg_sps,
        is_first or sent_edu <> hash_edu as seg_edu,
        is_first or sent_octpn <> hash_octpn as seg_octpn,
        is_first or sent_rednc <> hash_rednc as seg_rednc,
        is_first as seg_mlg
    from coded left join (
        select
            reporter_code, customer_id, name, id_type, id_num,
            columns('hash_(.*)') as 'sent_\1'
        from sent_110
    ) as sent using (reporter_code, customer_id, name, id_type, id_num)
)

from compared
where seg_fcs or seg_sps or seg_edu or seg_octpn or seg_rednc;

-- What the rules compare a record 210 with: the one sent before it. Pending months are left out.
create view checked_210 as
with limits as (
    select
        agreement_id, reporter_code, record_210.report_date,
        max_by(limits_sent.credit_lim, limits_sent.report_date) as agreement_limit
    from record_210 inner join (
        select agreement_id, reporter_code, report_date, credit_lim from record_220
        union all
        select agreement_id, reporter_code, report_date, credit_lim from sent_220
    ) as limits_sent using (agreement_id, reporter_code)
    where
        seg_c and acct_cred_line is not null
        and limits_sent.report_date <= record_210.report_date
    group by all
),

moved as (  -- another's account at the bureau
    select account_id
    from record_210 inner join sent_210 as sent using (account_id)
    where
        not was_closed
        and (record_210.reporter_code, record_210.customer_id, record_210.product_code)
        <> (sent.reporter_code, sent.customer_id, sent.product_code)
)

select
    record_210.*,
    agreement_limit,
    count(*) over (
        partition by record_210.reporter_code, record_210.account_id, record_210.report_date
    ) as records_on_date,
    count(*) over (
        partition by record_210.reporter_code, record_210.account_id
    ) as records_in_month,
    1 + coalesce(sent.acct_type <> record_210.acct_type, false)::integer as account_types,
    coalesce(sent.open_date, record_210.open_date) as first_open_date,
    coalesce(sent.was_closed, false) as is_closed_before,
    false as is_followed,  -- but for pending months the newest record is this one
    coalesce(sent.was_overdue, false) as has_overdue_before,
    sent.rpy_status as previous_rpy_status,
    sent.tot_overd as previous_tot_overd,
    sent.five_cate_adj_date as previous_five_cate_adj_date,
    strftime(sent.report_date, '%Y-%m') as previous_month,
    date_diff('month', sent.report_date, record_210.report_date)::integer as months_since_previous,
    coalesce(date_trunc('month', sent.report_date) >= date_trunc('month', authorized_on), false)
        as is_previous_in_period,
    coalesce(rejected_bills.since <= record_210.report_date, false) as has_quarantined_bill,
    coalesce(rejected_transactions.since <= record_210.report_date, false)
        as has_quarantined_transaction,
    record_210.account_id in (from moved) as has_changed_owner,
    -- of these books no limit, withdrawal or account row is in quarantine, and nothing was rejected
    false as has_quarantined_limit, false as has_quarantined_consent, false as has_moved_row,
    false as has_quarantined_owner, false as is_rejected_content,
    false as is_sent_already,  -- of accounts V47 says so
    false as seg_d, false as seg_e, false as seg_g, false as seg_i, false as seg_j,
    null::bigint as prid_acct_bal, null::bigint as used_amt, null::bigint as not_isu_bal,
    null::bigint as rpy_prct, null::bigint as j_overd_prd, null::bigint as j_tot_overd,
    null::varchar as flag, null::varchar as credit_id,
    null::varchar as j_rpy_status, null::varchar as j_acct_status
from record_210 left join limits using (agreement_id, reporter_code, report_date)
left join sent_210 as sent
    on record_210.reporter_code = sent.reporter_code and record_210.account_id = sent.account_id
left join rejected_bills on record_210.account_id = rejected_bills.account_id
left join rejected_transactions on record_210.account_id = rejected_transactions.account_id;
