-- One row per credit agreement and report date: record 220, credit agreement (授信协议). The person
-- on it is the customer of the first account under it that may be named on that day: no one who
-- has not agreed, and nothing from before the authorization (contracts, sections 3 and 5).
with named as (
    select
        events.reporter_code,
        events.agreement_id,
        events.rpt_date,
        min_by(accounts.customer_id, accounts.position) as customer_id
    from {{ ref('events_220') }} as events
    inner join {{ ref('accounts_named') }} as accounts
        on events.agreement_id = accounts.agreement_id
        and events.reporter_code = accounts.reporter_code
        and events.rpt_date >= accounts.authorized_on
    group by events.reporter_code, events.agreement_id, events.rpt_date
)

select
    events.agreement_id,
    named.customer_id,
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
    -- of the whole record, since a corrected one must differ from what was rejected (H08)
    {{ segment_hmac([
        yuan('credit_limit'), 'events.rpt_date_code', 'events.first_effective_on',
        'events.opened_on', 'customers.name', 'customers.id_type', 'customers.id_number',
    ], 'named.customer_id') }} as hash_d
from {{ ref('events_220') }} as events
inner join named
    on events.agreement_id = named.agreement_id
    and events.reporter_code = named.reporter_code
    and events.rpt_date = named.rpt_date
inner join {{ ref('stg_customers') }} as customers
    on named.customer_id = customers.customer_id
cross join {{ source('keys', 'hash_key') }} as hash_key
where events.credit_limit is not null
