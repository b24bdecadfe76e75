-- One row per credit agreement that begins to be reported, whose limit changed or that ended this
-- month: record 220, credit agreement (授信协议). It opens with the first reported account under it
-- (10), follows the limit once a month (30) and ends with its R1 account or with a limit of zero
-- (20).
with accounts as (
    select
        records.reporter_code,
        records.agreement_id,
        records.customer_id,
        records.report_month,
        min(records.report_date) as first_report_date,
        max(records.report_date) as last_report_date,
        min(records.name) as name,
        min(records.id_type) as id_type,
        min(records.id_num) as id_num,
        min(records.open_date) as opened_on,
        max(case when records.acct_type = 'R1' and records.acct_status = '3' then 1 else 0 end) = 1
            as is_account_closed
    from {{ ref('record_210') }} as records
    group by records.reporter_code, records.agreement_id, records.customer_id, records.report_month
),

limits as (  -- of the agreement at month end, or at the closing of its account
    select
        accounts.reporter_code,
        accounts.agreement_id,
        max_by(limits.credit_limit, limits.effective_on) as credit_limit,
        max(limits.effective_on) as effective_on,
        min(limits.effective_on) as first_effective_on
    from accounts
    inner join {{ ref('stg_credit_limits') }} as limits
        on accounts.agreement_id = limits.account_id
        and limits.effective_on <= case
            when accounts.is_account_closed then accounts.last_report_date
            else {{ report_month_end() }}
        end
    group by accounts.reporter_code, accounts.agreement_id
),

agreements as (
    select
        accounts.*,
        limits.credit_limit,
        least(coalesce(limits.first_effective_on, accounts.opened_on), accounts.first_report_date)
            as effective_from,
        accounts.is_account_closed or coalesce(limits.credit_limit = 0, false) as is_ended,
        case
            when accounts.is_account_closed then accounts.last_report_date
            else {{ report_month_end() }}
        end as changed_on
    from accounts
    left join limits
        on accounts.reporter_code = limits.reporter_code
        and accounts.agreement_id = limits.agreement_id
),

coded as (
    select
        agreements.*,
        sent.sent_d,
        {{ keyed_hash(['credit_limit']) }} as hash_d,
        case
            when agreements.is_ended then '20'
            when sent.subject_id is null then '10'
            else '30'
        end as rpt_date_code,
        sent.last_report_date_code
    from agreements
    cross join {{ source('keys', 'hash_key') }} as hash_key
    left join {{ ref('records_sent_before') }} as sent
        on agreements.agreement_id = sent.subject_id
        and agreements.reporter_code = sent.reporter_code
        and sent.record_type = '220'
)

select
    agreement_id,
    customer_id,
    reporter_code,
    report_month,
    case when rpt_date_code = '10' then first_report_date else changed_on end as report_date,
    '220' as inf_rec_type,
    concat(reporter_code, agreement_id) as contract_code,
    case when rpt_date_code = '10' then first_report_date else changed_on end as rpt_date,
    rpt_date_code,
    name,
    id_type,
    id_num,
    reporter_code as mngmt_org_code,
    '10' as credit_lim_type,
    '1' as lim_loop_flg,
    {{ yuan('credit_limit') }} as credit_lim,
    'CNY' as cy,
    effective_from as con_eff_date,
    date '2099-12-31' as con_exp_date,
    case when is_ended then '2' else '1' end as con_status,
    cast(null as bigint) as credit_rest,
    cast(null as {{ dbt.type_string() }}) as credit_rest_code,
    hash_d
from coded
where
    coalesce(last_report_date_code <> '20', true)
    and (rpt_date_code in ('10', '20') or coalesce(sent_d <> hash_d, true))
