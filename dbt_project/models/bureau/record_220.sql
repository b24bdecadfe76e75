-- One row per credit agreement and report date: record 220, credit agreement (授信协议). An agreement
-- opens with the first reported account under it (10), follows its limit once a month (30) and ends
-- with its R1 account or with a limit of zero (20); one that is first reported in the month it ends
-- is one record, 20. Known agreements are followed as long as their customer may be reported, also
-- in months without a record 210 under them (contracts, section 5).
with reported as (  -- agreements with a record 210 in this batch
    select
        reporter_code,
        agreement_id,
        min(report_date) as first_report_date,
        max(case when acct_type = 'R1' then close_date end) as account_closed_on
    from {{ ref('record_210') }}
    group by reporter_code, agreement_id
),

accounts_reported as (
    select distinct
        reporter_code,
        account_id
    from {{ ref('record_210') }}
),

accounts_of_agreements as (
    select
        accounts.reporter_code,
        accounts.agreement_id,
        accounts.customer_id,
        accounts.opened_on,
        concat(accounts.opened_on, accounts.account_id) as position,
        records.account_id is not null as is_reported,
        population.authorized_on is not null
        and coalesce(customers.is_identity_valid, false)
        and coalesce(accounts.opened_on >= customers.adult_from, false) as may_be_named
    from {{ ref('int_accounts_at_report_date') }} as accounts
    inner join {{ ref('reportable_population') }} as population
        on accounts.account_id = population.account_id
        and accounts.report_month = population.report_month
    left join {{ ref('int_customers_identified') }} as customers
        on accounts.customer_id = customers.customer_id
    left join accounts_reported as records
        on accounts.account_id = records.account_id
        and accounts.reporter_code = records.reporter_code
    where accounts.report_month = {{ report_month() }}
),

agreements as (  -- the person on it: of its first account that may be named
    select
        reporter_code,
        agreement_id,
        min(opened_on) as opened_on,
        min_by(customer_id, case when may_be_named or is_reported then position end) as customer_id,
        max(case when may_be_named then 1 else 0 end) = 1 as may_be_followed
    from accounts_of_agreements
    group by reporter_code, agreement_id
),

known as (
    select
        agreements.*,
        reported.first_report_date,
        reported.account_closed_on,
        sent.sent_d,
        sent.subject_id is not null as was_sent
    from agreements
    left join reported
        on agreements.reporter_code = reported.reporter_code
        and agreements.agreement_id = reported.agreement_id
    left join {{ ref('records_sent_before') }} as sent
        on agreements.agreement_id = sent.subject_id
        and agreements.reporter_code = sent.reporter_code
        and sent.record_type = '220'
    where
        coalesce(sent.last_report_date_code <> '20', true)
        and (
            reported.agreement_id is not null
            or (sent.subject_id is not null and agreements.may_be_followed)
        )
),

limits as (
    select
        known.reporter_code,
        known.agreement_id,
        min(limits.effective_on) as first_effective_on,
        max_by(
            limits.credit_limit,
            case when limits.effective_on <= known.first_report_date then limits.effective_on end
        ) as limit_at_start,
        max_by(limits.credit_limit, limits.effective_on) as limit_at_end
    from known
    inner join {{ ref('stg_credit_limits') }} as limits
        on known.agreement_id = limits.account_id
        and limits.effective_on <= coalesce(known.account_closed_on, {{ report_month_end() }})
    group by known.reporter_code, known.agreement_id
),

followed as (
    select
        known.*,
        limits.limit_at_start,
        limits.limit_at_end,
        limits.first_effective_on,
        coalesce(known.account_closed_on, {{ report_month_end() }}) as last_date,
        known.account_closed_on is not null or coalesce(limits.limit_at_end = 0, false)
            as is_ended
    from known
    left join limits
        on known.reporter_code = limits.reporter_code
        and known.agreement_id = limits.agreement_id
),

decided as (
    select
        followed.*,
        not followed.was_sent and not (
            followed.is_ended
            and {{ month_start('followed.first_report_date') }}
            = {{ month_start('followed.last_date') }}
        ) as is_started,
        case
            when followed.was_sent then followed.sent_d <> {{ keyed_hash(['limit_at_end']) }}
            else coalesce(followed.limit_at_start <> followed.limit_at_end, true)
        end and followed.limit_at_end is not null as is_limit_news
    from followed
    cross join {{ source('keys', 'hash_key') }} as hash_key
),

events as (
    select
        agreement_id,
        reporter_code,
        customer_id,
        opened_on,
        first_effective_on,
        '10' as rpt_date_code,
        first_report_date as rpt_date,
        limit_at_start as credit_limit
    from decided
    where is_started
    union all
    select
        agreement_id,
        reporter_code,
        customer_id,
        opened_on,
        first_effective_on,
        case when is_ended then '20' else '30' end as rpt_date_code,
        last_date as rpt_date,
        limit_at_end as credit_limit
    from decided
    where
        is_ended
        or coalesce(is_limit_news, true)
)

select
    events.agreement_id,
    events.customer_id,
    events.reporter_code,
    {{ report_month() }} as report_month,
    events.rpt_date as report_date,
    '220' as inf_rec_type,
    concat(events.reporter_code, events.agreement_id) as contract_code,
    events.rpt_date,
    events.rpt_date_code,
    customers.name,
    customers.id_type,
    customers.id_number as id_num,
    events.reporter_code as mngmt_org_code,
    '10' as credit_lim_type,
    '1' as lim_loop_flg,
    events.credit_limit,
    {{ yuan('events.credit_limit') }} as credit_lim,
    'CNY' as cy,
    case
        when events.first_effective_on <= events.rpt_date then events.first_effective_on
        else events.opened_on
    end as con_eff_date,
    date '2099-12-31' as con_exp_date,
    case when events.rpt_date_code = '20' then '2' else '1' end as con_status,
    cast(null as bigint) as credit_rest,
    cast(null as {{ dbt.type_string() }}) as credit_rest_code,
    {{ keyed_hash(['credit_limit']) }} as hash_d
from events
inner join {{ ref('stg_customers') }} as customers
    on events.customer_id = customers.customer_id
cross join {{ source('keys', 'hash_key') }} as hash_key
