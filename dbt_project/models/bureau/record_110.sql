-- One row per institution and customer with a record 210 this month and something new to say:
-- record 110, personal basic information (个人基本信息). All segments first, later those whose values
-- changed; its date is the earliest of the person's 210 records in this run. Unknown values are
-- coded, never guessed; an empty text is a missing one.
with people as (
    select
        reporter_code,
        customer_id,
        report_month,
        min(report_date) as report_date
    from {{ ref('record_210') }}
    group by reporter_code, customer_id, report_month
),

customers as (
    select
        customer_id,
        {%- for column in ['mobile_number', 'email', 'spouse_name', 'spouse_id_type',
            'spouse_id_number', 'employer_name', 'residence_address', 'residence_district'] %}
        nullif(trim({{ column }}), '') as {{ column }},
        {%- endfor %}
        name,
        id_type,
        id_number,
        sex,
        birth_date,
        recorded_at,
        marital_status,
        education_level,
        academic_degree,
        employment_status
    from {{ ref('stg_customers') }}
),

fields as (
    select
        people.reporter_code,
        people.customer_id,
        people.report_month,
        people.report_date,
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
        customers.marital_status in ('20', '21', '22', '23') and customers.spouse_name is null
            as is_spouse_missing,
        customers.employment_status in ('11', '13', '17', '21', '24', '91')
        and customers.employer_name is null as is_employer_missing,
        '9' as resi_status,
        customers.residence_address as resi_addr,
        customers.residence_district as resi_dist,
        least(cast(customers.recorded_at as date), people.report_date) as updated_on
    from people
    inner join customers
        on people.customer_id = customers.customer_id
),

hashed as (
    select
        fields.*,
        {{ keyed_hash(['name', 'id_type', 'id_num']) }} as hash_b,
        {{ keyed_hash(['sex', 'dob', 'nation', 'cell_phone', 'email']) }} as hash_fcs,
        {{ keyed_hash(['mari_status', 'spo_name', 'spo_id_type', 'spo_id_num']) }} as hash_sps,
        {{ keyed_hash(['edu_level', 'aca_degree']) }} as hash_edu,
        {{ keyed_hash(['emp_status', 'cpn_name']) }} as hash_octpn,
        {{ keyed_hash(['resi_status', 'resi_addr', 'resi_dist']) }} as hash_rednc,
        {{ keyed_hash(["'no mail address is delivered'"]) }} as hash_mlg
    from fields
    cross join {{ source('keys', 'hash_key') }} as hash_key
),

compared as (
    select
        hashed.*,
        -- under new identity marks the person is new to the bureau: everything goes out again
        {%- for segment in ['fcs', 'sps', 'edu', 'octpn', 'rednc', 'mlg'] %}
        coalesce(sent.sent_b <> hashed.hash_b, true)
        or coalesce(sent.sent_{{ segment }} <> hashed.hash_{{ segment }}, true)
            as seg_{{ segment }},
        {%- endfor %}
        coalesce(sent.sent_b <> hashed.hash_b, true) as seg_b_changed
    from hashed
    left join {{ ref('records_sent_before') }} as sent
        on hashed.customer_id = sent.subject_id
        and hashed.reporter_code = sent.reporter_code
        and sent.record_type = '110'
)

select
    *,
    '110' as inf_rec_type,
    reporter_code as inf_surc_code,
    report_date as rpt_date,
    case when seg_b_changed then '10' else '20' end as rpt_date_code,
    reporter_code as cimoc,
    '11' as customer_type
from compared
where seg_b_changed or seg_fcs or seg_sps or seg_edu or seg_octpn or seg_rednc or seg_mlg
