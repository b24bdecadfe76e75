-- Customers as known at the cut-off. Clear personal data: schema secure.
{{ config(schema='secure') }}

select
    customer_id,
    name,
    id_type,
    id_number,
    sex,
    birth_date,
    mobile_number,
    email,
    residence_address,
    residence_district,
    marital_status,
    spouse_name,
    spouse_id_type,
    spouse_id_number,
    education_level,
    academic_degree,
    employment_status,
    employer_name,
    is_student,
    recorded_at
from (
    {{ good_rows('customers') }}
) as good_rows
