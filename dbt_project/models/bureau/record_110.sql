-- One row per institution and customer with a record 210 this month and something new to say:
-- record 110, personal basic information (个人基本信息). All segments first, later those whose values
-- changed. Its date is the earliest of the person's 210 records in this run; where the person is
-- known, the earliest after the last record 110, because the bureau takes nothing older than
-- what it has. Unknown values are coded, never guessed; an empty text is a missing one. A spouse
-- who is a customer without authorization is not named: nothing of such a person leaves (contracts,
-- section 3; docs/decisions/0006-population-readings.md).
-- Long, because the six segments of a person are coded column by column, and compared one by one.
{%- set segments = {
    'fcs': ['sex', 'dob', 'nation', 'cell_phone', 'email'],
    'sps': ['mari_status', 'spo_name', 'spo_id_type', 'spo_id_num'],
    'edu': ['edu_level', 'aca_degree'],
    'octpn': ['emp_status', 'cpn_name'],
    'rednc': ['resi_status', 'resi_addr', 'resi_dist'],
    'mlg': ["'no mail address is delivered'"],
} %}
{%- set optional = {
    'mobile_number': 'CellPhone',
    'email': 'Email',
    'spouse_name': 'SpoName',
    'spouse_id_type': 'SpoIDType',
    'spouse_id_number': 'SpoIDNum',
    'employer_name': 'CpnName',
    'residence_address': 'ResiAddr',
    'residence_district': 'ResiDist',
} %}

with authorized as (
    select accounts.customer_id
    from {{ ref('int_authorizations_at_report_date') }} as authorizations
    inner join {{ ref('int_accounts_at_report_date') }} as accounts
        on authorizations.account_id = accounts.account_id
        and authorizations.report_month = accounts.report_month
    where
        authorizations.report_month = {{ report_month() }}
        and (authorizations.is_in_force or authorizations.is_in_run_off)
),

not_to_be_named as (
    select distinct {{ without_form('customers.id_number') }} as id_number
    from {{ ref('stg_customers') }} as customers
    anti join authorized
        on customers.customer_id = authorized.customer_id
),

customers as (  -- an optional value that the bureau cannot take is left out (V71)
    select
        customers.customer_id,
        {%- for column, tag in optional.items() %}
        {%- if column.startswith('spouse') %}
        case when not_to_be_named.id_number is null then {{ sendable(tag, 'customers.' ~ column) }}
        end as {{ column }},
        {%- else %}
        {{ sendable(tag, 'customers.' ~ column) }} as {{ column }},
        {%- endif %}
        {%- endfor %}
        0
        {%- for column, tag in optional.items() %}
        + {{ is_left_out(tag, 'customers.' ~ column) }}
        {%- endfor %} as values_left_out,
        customers.name,
        customers.id_type,
        customers.id_number,
        customers.sex,
        customers.birth_date,
        customers.recorded_at,
        customers.marital_status,
        customers.education_level,
        customers.academic_degree,
        customers.employment_status,
        not_to_be_named.id_number is not null as is_spouse_left_out
    from {{ ref('stg_customers') }} as customers
    left join not_to_be_named
        on {{ without_form('customers.spouse_id_number') }} = not_to_be_named.id_number
),

named as (  -- a person with a pending record 110 is treated as reported again on its day
    select
        reporter_code,
        customer_id,
        report_date,
        identity_hash
    from {{ ref('record_210') }}
    union all
    select
        pending.reporter_code,
        customers.customer_id,
        pending.report_date,
        {{ keyed_hash(['customers.name', 'customers.id_type', 'customers.id_number']) }}
            as identity_hash
    from {{ source('history', 'pending_records') }} as pending
    inner join {{ ref('stg_customers') }} as customers
        on pending.subject_id = customers.customer_id
    cross join {{ source('keys', 'hash_key') }} as hash_key
    where
        pending.record_type = '110'
        and exists (
            select 1
            from {{ ref('accounts_named') }} as accounts
            where
                accounts.customer_id = pending.subject_id
                and accounts.reporter_code = pending.reporter_code
                and accounts.authorized_on <= pending.report_date
        )
),

people as (  -- under new identity marks the person is new to the bureau
    select
        records.reporter_code,
        records.customer_id,
        {{ report_month() }} as report_month,
        records.identity_hash as hash_b,
        sent.sent_values,
        coalesce(sent.sent_b <> records.identity_hash, true) as is_new,
        case
            when coalesce(sent.sent_b <> records.identity_hash, true) then min(records.report_date)
            else min(case
                when records.report_date > sent.last_report_date then records.report_date
            end)
        end as report_date
    from named as records
    left join {{ ref('records_sent_before') }} as sent
        on records.customer_id = sent.subject_id
        and records.reporter_code = sent.reporter_code
        and sent.record_type = '110'
    group by
        records.reporter_code,
        records.customer_id,
        records.identity_hash,
        sent.sent_b,
        sent.sent_values
),

fields as (
    select
        people.reporter_code,
        people.customer_id,
        people.report_month,
        people.report_date,
        people.is_new,
        people.hash_b,
        people.sent_values,
        customers.name,
        customers.id_type,
        customers.id_number as id_num,
        coalesce(customers.sex, '9') as sex,
        customers.birth_date as dob,
        case when customers.id_type = '10' then 'CHN' end as nation,
        customers.mobile_number as cell_phone,
        customers.email,
        case
            -- a married person whose spouse is not named is sent as unknown
            when
                customers.marital_status in ('20', '21', '22', '23')
                and customers.spouse_name is null
                then '99'
            else coalesce(customers.marital_status, '99')
        end as mari_status,
        case
            when customers.marital_status in ('20', '21', '22', '23') then customers.spouse_name
        end as spo_name,
        case
            when
                customers.marital_status in ('20', '21', '22', '23')
                and customers.spouse_name is not null
                then customers.spouse_id_type
        end as spo_id_type,
        case
            when
                customers.marital_status in ('20', '21', '22', '23')
                and customers.spouse_name is not null
                then customers.spouse_id_number
        end as spo_id_num,
        coalesce(customers.education_level, '99') as edu_level,
        coalesce(customers.academic_degree, '9') as aca_degree,
        case
            -- an employed person whose employer is not named is sent as unknown
            when
                customers.employment_status in ('11', '13', '17', '21', '24', '91')
                and customers.employer_name is null
                then '99'
            else coalesce(customers.employment_status, '99')
        end as emp_status,
        case
            when customers.employment_status in ('11', '13', '17', '21', '24', '91')
                then customers.employer_name
        end as cpn_name,
        customers.marital_status in ('20', '21', '22', '23')
        and customers.spouse_name is null
        and not customers.is_spouse_left_out as is_spouse_missing,
        customers.employment_status in ('11', '13', '17', '21', '24', '91')
        and customers.employer_name is null as is_employer_missing,
        customers.values_left_out,
        '9' as resi_status,
        customers.residence_address as resi_addr,
        customers.residence_district as resi_dist,
        least(cast(customers.recorded_at as date), people.report_date) as updated_on
    from people
    inner join customers
        on people.customer_id = customers.customer_id
    where people.report_date is not null
),

marked as (  -- one hash of all values, since of most people nothing has changed
    select
        fields.*,
        {{ segment_hmac(segments.values() | sum(start=[])) }} as values_hash
    from fields
    cross join {{ source('keys', 'hash_key') }} as hash_key
),

hashed as (
    select
        marked.*,
        {%- for segment, columns in segments.items() %}
        {{ segment_hmac(columns) }} as hash_{{ segment }},
        {%- endfor %}
        '110' as inf_rec_type
    from marked
    cross join {{ source('keys', 'hash_key') }} as hash_key
    where
        marked.is_new
        or coalesce(marked.sent_values <> marked.values_hash, true)
),

sent_of_them as (
    select
        reporter_code,
        subject_id as customer_id,
        {{ said_when() }} as position,
        segment_hashes
    from {{ ref('records_sent') }}
    where
        record_type = '110'
        and subject_id in (select hashed.customer_id from hashed)
),

segments_sent as (
    select
        {%- for segment in segments %}
        max_by(
            {{ segment_hash(segment | upper) }},
            case when {{ segment_hash(segment | upper) }} is not null then position end
        ) as sent_{{ segment }},
        {%- endfor %}
        reporter_code,
        customer_id
    from sent_of_them
    group by reporter_code, customer_id
),

compared as (
    select
        hashed.*,
        {%- for segment in segments %}
        hashed.is_new or coalesce(sent.sent_{{ segment }} <> hashed.hash_{{ segment }}, true)
            as seg_{{ segment }},
        {%- endfor %}
        '11' as customer_type
    from hashed
    left join segments_sent as sent
        on hashed.customer_id = sent.customer_id
        and hashed.reporter_code = sent.reporter_code
)

select
    *,
    reporter_code as inf_surc_code,
    report_date as rpt_date,
    case when is_new then '10' else '20' end as rpt_date_code,
    reporter_code as cimoc
from compared
where is_new or seg_{{ segments | join(' or seg_') }}
