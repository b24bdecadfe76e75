-- One row per customer: may the identity be reported, and from which day on is the person an adult?
-- Resident ID (GB 11643): pattern, check digit (X is upper case), birth date and, where it is 1 or
-- 2, sex. Born on 29 February: adult on 1 March. An unknown birth date is not compared: it makes
-- no one an adult. Clear personal data: schema secure.
{{ config(schema='secure') }}

with resident_ids as (
    select
        customer_id,
        {{ matches_fully('id_number', '[1-9][0-9]{16}[0-9X]') }} as has_pattern,
        birth_date is null or substr(id_number, 7, 8) = {{ digits_of_date('birth_date') }}
            as fits_birth_date,
        sex is null or sex not in ('1', '2') or substr(id_number, 17, 1) in (
            case when sex = '1' then '1' else '0' end,
            case when sex = '1' then '3' else '2' end,
            case when sex = '1' then '5' else '4' end,
            case when sex = '1' then '7' else '6' end,
            case when sex = '1' then '9' else '8' end
        ) as fits_sex,
        substr('10X98765432', 1 + (
            {%- for weight in [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] %}
            {%- set digit = safe_integer("substr(id_number, " ~ loop.index ~ ", 1)") %}
            {{ weight }} * coalesce({{ digit }}, 0){{ ' +' if not loop.last }}
            {%- endfor %}
        ) % 11, 1) = substr(id_number, 18, 1) as has_check_digit
    from {{ ref('stg_customers') }}
    where id_type = '10'
)

select
    customers.customer_id,
    coalesce(
        {{ trimmed('customers.name') }} <> ''
        and {{ trimmed('customers.id_number') }} <> ''
        and customers.id_type in (select codes.code from {{ ref('codes_id_type') }} as codes)
        and (
            customers.id_type <> '10'
            or (
                resident_ids.has_pattern
                and resident_ids.has_check_digit
                and resident_ids.fits_birth_date
                and resident_ids.fits_sex
            )
        ),
        false
    ) as is_identity_valid,
    concat_ws(
        ', ',
        {%- for fault, holds in [
            ('the name is missing', trimmed('customers.name') ~ " <> ''"),
            ('the number is missing', trimmed('customers.id_number') ~ " <> ''"),
            ('the kind of document is unknown', "customers.id_type in (select codes.code from "
                ~ ref('codes_id_type') ~ " as codes)"),
            ('the number has not the form of a resident ID', 'customers.id_type <> ' ~ "'10'"
                ~ ' or resident_ids.has_pattern'),
            ('the check digit of the number is wrong', 'not coalesce(resident_ids.has_pattern, false)'
                ~ ' or resident_ids.has_check_digit'),
            ('the number does not fit the birth date', 'not coalesce(resident_ids.has_pattern, false)'
                ~ ' or resident_ids.fits_birth_date'),
            ('the number does not fit the sex', 'not coalesce(resident_ids.has_pattern, false)'
                ~ ' or resident_ids.fits_sex'),
        ] %}
        case when not coalesce({{ holds }}, false) then '{{ fault }}' end
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as identity_faults,
    case
        when
            extract(month from customers.birth_date) = 2
            and extract(day from customers.birth_date) = 29
            then {{ add_days(add_months('customers.birth_date', 216), 1) }}
        else {{ add_months('customers.birth_date', 216) }}
    end as adult_from
from {{ ref('stg_customers') }} as customers
left join resident_ids
    on customers.customer_id = resident_ids.customer_id
