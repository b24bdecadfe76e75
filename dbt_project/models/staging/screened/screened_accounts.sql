-- Every delivered account row that is screened, and its one disposition. An agreement is one
-- customer's: where good accounts of two customers name one (a draw's agreement may also be
-- another's account), no one knows whose it is, and all of them are quarantined.
{{ config(materialized='table') }}

with named as (
    select
        account_id,
        customer_id,
        parent_account_id,
        coalesce(parent_account_id, account_id) as agreement_id
    from {{ delivered('accounts') }}
),

agreements as (
    select distinct parent_account_id as agreement_id
    from named
    where parent_account_id is not null
),

of_several as (  -- in any version: false positives are harmless here
    select named.agreement_id
    from named
    inner join agreements
        on named.agreement_id = agreements.agreement_id
    group by named.agreement_id
    having min(named.customer_id) <> max(named.customer_id)
),

asked_for as (
    select named.account_id as also_key
    from named
    inner join of_several
        on named.agreement_id = of_several.agreement_id
),

singled_out as (
    {{ singled_out('accounts', [
        ('ACCOUNT_ID_NOT_ALPHANUMERIC',
            'account_id is null or ' ~ is_alphanumeric('account_id')),
        ('CUSTOMER_ID_MISSING', 'customer_id is not null'),
        ('CUSTOMER_ID_MALFORMED', has_plain_customer_id()),
        ('PRODUCT_CODE_MISSING', 'product_code is not null'),
        ('REPORTER_CODE_NOT_14_CHARACTERS', is_reporter_code('reporter_code')),
        ('OPENED_ON_MISSING', 'opened_on is not null'),
        ('CLOSED_BEFORE_OPENED',
            'closed_on is null or opened_on is null or closed_on >= opened_on'),
        ('CLOSURE_KIND_UNKNOWN',
            "closure_kind is null or closure_kind in ('settled', 'transferred')"),
        ('PARENT_ID_NOT_ALPHANUMERIC',
            'parent_account_id is null or ' ~ is_alphanumeric('parent_account_id')),
    ], also_keys='asked_for') | indent(4) }}
),

placed as (
    {{ placed('accounts', 'singled_out') | indent(4) }}
),

of_two as (
    select coalesce(parent_account_id, account_id) as agreement_id
    from placed
    where place = 'good'
    group by coalesce(parent_account_id, account_id)
    having min(customer_id) <> max(customer_id)
),

judged as (
    select
        placed.*,
        case
            when placed.place = 'good' and of_two.agreement_id is not null
                then 'AGREEMENT_OF_TWO_CUSTOMERS'
        end as broken_agreement_rule
    from placed
    left join of_two
        on coalesce(placed.parent_account_id, placed.account_id) = of_two.agreement_id
)

select
    {{ raw_columns('accounts') | join(',\n    ') }},
    source_file,
    row_key,
    broken_rules,
    is_conflicting,
    changes_subject,
    broken_agreement_rule,
    case when broken_agreement_rule is null then place else 'quarantined' end as place
from judged
