-- The persons: all invented, with resident IDs of test areas and names that start with 测试. A few
-- are wrong on purpose: no row at all, a wrong check digit, under age when the account was opened.

create table people as
with persons as (
    select
        customer_no,
        any_value(customer_id) as customer_id,
        min(opened_on) as first_opened_on,
        case
            when customer_no % 983 = 19 then (first_opened_on - interval 17 years)::date
            else date '1962-01-01' + (customer_no * 7919 % 15000)::integer
        end as birth_date,
        case when dice(100, 'sex', customer_no) < 52 then '1' else '2' end as sex,
        dice(100, 'marriage', customer_no) as marriage,
        dice(100, 'school', customer_no) as school,
        dice(100, 'job', customer_no) as job
    from plan
    where customer_no % 997 <> 13
    group by customer_no
),

coded as (
    select
        *,
        case
            when marriage < 36 then '10' when marriage < 82 then '20' when marriage < 84 then '21'
            when marriage < 86 then '22' when marriage < 87 then '23' when marriage < 89 then '30'
            when marriage < 96 then '40' when marriage < 97 then '90' else '99'
        end as marital_status,
        marital_status in ('20', '21', '22', '23')
        and dice(100, 'spouse', customer_no) < 93 as has_spouse,
        case
            when school < 5 then '10' when school < 32 then '20' when school < 60 then '30'
            when school < 72 then '40' when school < 86 then '60' when school < 94 then '70'
            when school < 96 then '80' else '99'
        end as education_level,
        case
            when job < 30 then '11' when job < 45 then '13' when job < 60 then '17' when
                job < 70
                then '21'
            when job < 78 then '24' when job < 82 then '91' when job < 86 then '27' when
                job < 91
                then '31'
            when job < 95 then '70' else '99'
        end as employment_status,
        employment_status in ('11', '13', '17', '21', '24', '91')
        and dice(100, 'employer', customer_no) < 94 as has_employer
    from persons
)

select
    *,
    test_resident_id(customer_no, sex, birth_date) as right_id_number,
    case
        when customer_no % 991 <> 17 then right_id_number
        else
            left(right_id_number, 17)
            || case when right(right_id_number, 1) = '5' then '6' else '5' end
    end as id_number,
    case when has_spouse then date '1961-03-01' + (customer_no * 7919 % 15000)::integer end
        as spouse_born_on,
    '199' || lpad((customer_no * 48271 % 100000000)::varchar, 8, '0') as mobile_number,
    '测试省测试市测试路' || (1 + customer_no)::varchar || '号' as residence_address,
    ['110101', '310101', '440103', '500103', '510104'][1 + dice(5, 'home', customer_no)]
        as residence_district
from coded;

create view out_customers as
with versions as (
    select *, 0 as version, first_opened_on as known_on from people
    union all
    -- A new telephone and address some months later: a newer version of the same key.
    select *, 1, first_opened_on + 40 + dice(200, 'moved', customer_no)::integer from people
    where dice(20, 'moves', customer_no) = 0
)

select
    customer_id,
    test_name(customer_no) as name,
    '10' as id_type,
    id_number,
    sex,
    birth_date,
    case version when 0 then mobile_number else '198' || substr(mobile_number, 4) end
        as mobile_number,
    case
        when dice(10, 'email', customer_no) < 7 then 'person' || customer_no || '@example.test'
    end as email,
    case version
        when 0 then residence_address else '测试省测试新村' || (1 + customer_no)::varchar || '号'
    end as residence_address,
    residence_district,
    marital_status,
    case when has_spouse then test_name(customer_no + 8000000) end as spouse_name,
    case when has_spouse then '10' end as spouse_id_type,
    case
        when has_spouse
            then
                test_resident_id(
                    customer_no + 15000, case sex when '1' then '2' else '1' end, spouse_born_on
                )
    end as spouse_id_number,
    education_level,
    case
        when education_level = '10' then case when school < 1 then '2' else '3' end
        when education_level = '20' then '4'
        when education_level = '99' then '9'
        else '5'
    end as academic_degree,
    employment_status,
    case when has_employer then '测试雇主' || (1 + customer_no * 31 % 9999991)::varchar || '有限公司' end
        as employer_name,
    employment_status = '31' as is_student,
    moment(known_on, 3600 + dice(28800, 'met', customer_no, version)) as recorded_at
from versions
where known_on < getvariable('ends_before');

-- An in-house score for everybody, at first and then once a quarter.
create view out_internal_scores as
select
    customer_id,
    scored_on,
    yuan(45000 + dice(35000, 'standing', customer_no) + dice(6000, 'score', customer_no, quarter))
        as score,
    moment(scored_on, 86400 + 7200) as recorded_at
from people, range(-3, getvariable('months'), 3) as quarters (quarter),
    lateral (select greatest(month_at(quarter) + 14, first_opened_on) as scored_on)
where month_at(quarter + 3) + 14 > first_opened_on;

create view out_accounts as
select
    account_id,
    customer_id,
    product_code,
    reporter_code,
    opened_on,
    case when is_draw then (opened_on + to_months(periods))::date end as matures_on,
    null as closed_on,
    null as closure_kind,
    agreement_id as parent_account_id,
    case when dice(5, 'district', customer_no) = 0 then '500103' end as applied_district,
    moment(opened_on, 36000 + dice(50000, 'opening', account_no)) as recorded_at
from plan
union all
-- The closing is a newer version of the account.
select
    account_id,
    customer_id,
    product_code,
    reporter_code,
    opened_on,
    case when is_draw then (opened_on + to_months(periods))::date end,
    closed_on,
    closure_kind,
    agreement_id,
    case when dice(5, 'district', customer_no) = 0 then '500103' end,
    moment(closed_on, 86400 + 3600 + dice(20000, 'closing', account_no))
from plan join endings using (account_no);
