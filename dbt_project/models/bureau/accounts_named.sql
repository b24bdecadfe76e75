-- One row per account whose customer may be named to the bureau in this run, and from which day on.
-- The customer is authorized today, identified and an adult, or a record 210 of the account is in
-- this run; and the bureau does not hold the account under another customer or institution. A
-- record 220 names no one else.
with today as (
    select
        accounts.account_id,
        accounts.reporter_code,
        accounts.agreement_id,
        accounts.customer_id,
        accounts.opened_on,
        population.authorized_on
    from {{ ref('int_accounts_at_report_date') }} as accounts
    inner join {{ ref('reportable_population') }} as population
        on accounts.account_id = population.account_id
        and accounts.report_month = population.report_month
    inner join {{ ref('int_customers_identified') }} as customers
        on accounts.customer_id = customers.customer_id
    where
        accounts.report_month = {{ report_month() }}
        and accounts.is_opened_by_month_end
        and population.authorized_on is not null
        and customers.is_identity_valid
        and accounts.opened_on >= customers.adult_from
),

in_batch as (
    select
        account_id,
        reporter_code,
        agreement_id,
        customer_id,
        open_date as opened_on,
        authorized_on
    from {{ ref('record_210') }}
),

together as (
    select * from today
    union all
    select * from in_batch
)

select
    account_id,
    reporter_code,
    agreement_id,
    customer_id,
    concat(opened_on, account_id) as position,
    min(authorized_on) as authorized_on
from together
where account_id not in (select moved.account_id from {{ ref('accounts_moved') }} as moved)
group by account_id, reporter_code, agreement_id, customer_id, opened_on
