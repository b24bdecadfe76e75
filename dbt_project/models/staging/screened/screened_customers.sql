-- Every delivered customer row that is screened, and its one disposition. Clear personal
-- data: schema secure.
{{ config(schema='secure', materialized='table') }}

{{ screened('customers', [
    ('CUSTOMER_ID_MALFORMED', has_plain_customer_id()),
    ('SEX_UNKNOWN', "sex is null or sex in (select code from " ~ ref('codes_sex') ~ ")"),
    ('MARITAL_STATUS_UNKNOWN',
        "marital_status is null or marital_status in (select code from "
        ~ ref('codes_marital_status') ~ ")"),
    ('EDUCATION_LEVEL_UNKNOWN',
        "education_level is null or education_level in (select code from "
        ~ ref('codes_education_level') ~ ")"),
    ('ACADEMIC_DEGREE_UNKNOWN',
        "academic_degree is null or academic_degree in (select code from "
        ~ ref('codes_academic_degree') ~ ")"),
    ('EMPLOYMENT_STATUS_UNKNOWN',
        "employment_status is null or employment_status in (select code from "
        ~ ref('codes_employment_status') ~ ")"),
]) }}
