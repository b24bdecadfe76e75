-- Accounts, customers and all that hangs on them, as known at the cut-off and inside the row rules
-- (seeds/row_rules.csv). The views known_<feed> hold the newest version of each key.

create table customers as
from known_customers
where
    coalesce(sex in (select code from codes_sex), true)
    and coalesce(marital_status in (select code from codes_marital_status), true)
    and coalesce(education_level in (select code from codes_education_level), true)
    and coalesce(academic_degree in (select code from codes_academic_degree), true)
    and coalesce(employment_status in (select code from codes_employment_status), true);

create table accounts as
select
    row_number() over ()::integer as account_no,
    known_accounts.*,
    coalesce(parent_account_id, account_id) as agreement_id,
    product_policy.* exclude (product_code, grace_days),
    grace_days::integer as grace_days,
    case
        when closed_on between month_start() and month_end() then closed_on else month_end()
    end as report_date,
    coalesce(closed_on between month_start() and month_end(), false) as is_closed_in_month,
    opened_on <= month_end() as is_opened_by_month_end,
    coalesce(closed_on < month_start(), false) as is_closed_earlier,
    is_opened_by_month_end and not is_closed_earlier as is_open
from known_accounts inner join product_policy using (product_code)
where
    regexp_full_match(account_id, '[A-Za-z0-9]+')
    and customer_id is not null
    and regexp_full_match(reporter_code, '[A-Za-z0-9]{14}')
    and opened_on is not null
    and (closed_on is null or closed_on >= opened_on)
    and (closure_kind is null or closure_kind in ('settled', 'transferred'))
    and (parent_account_id is null or regexp_full_match(parent_account_id, '[A-Za-z0-9]+'));

create table credit_limits as
with holders as (  -- of a draw the limit stands under the agreement's id
    select account_id, max(opened_on) as opened_on, max(closed_on) as closed_on
    from (
        select account_id, opened_on, closed_on from accounts
        union all
        select distinct parent_account_id, null, null
        from accounts
        where parent_account_id is not null
    )
    group by account_id
)

select account_id, effective_on, credit_limit
from known_credit_limits inner join holders using (account_id)
where
    credit_limit between 0 and 1000000000000
    and change_reason in ('initial', 'increase', 'decrease', 'suspended', 'ended')
    and effective_on >= coalesce(opened_on, effective_on)
    and effective_on <= coalesce(closed_on, effective_on);

create table notices as
select account_no, episode_started_on, min(delivered_at) as delivered_at
from known_adverse_notices inner join accounts using (account_id)
where
    episode_started_on is not null
    and channel is not null
    and text_version is not null
    and sent_at::date >= opened_on
    and delivered_at >= sent_at
    and delivered_at <= as_of()
group by all;

-- Neither reaches a record: the score and the dispute stay in the house.
create table scores as
select customer_id, max_by(score, scored_on) as score
from known_internal_scores semi join customers using (customer_id)
where score is not null and scored_on <= month_end()
group by customer_id;

create table disputes as
select known_disputes.*
from known_disputes inner join accounts using (account_id)
where
    received_on >= opened_on
    and claim is not null
    and (outcome is null or outcome in ('upheld', 'error_confirmed', 'unverifiable'));

-- Resident ID (GB 11643): pattern, check digit, birth date and, where it is 1 or 2, sex.
create table identities as
select
    customer_id,
    coalesce(
        trim(name) <> '' and trim(id_number) <> '' and id_type in (select code from codes_id_type)
        and (id_type <> '10' or (
            regexp_full_match(id_number, '[1-9][0-9]{16}[0-9X]')
            and (birth_date is null or substr(id_number, 7, 8) = strftime(birth_date, '%Y%m%d'))
            and (
                sex is null or sex not in ('1', '2')
                or (substr(id_number, 17, 1) in ('1', '3', '5', '7', '9')) = (sex = '1')
            )
            and substr('10X98765432', 1 + (
                7 * digit(id_number, 1) + 9 * digit(id_number, 2) + 10 * digit(id_number, 3)
                + 5 * digit(id_number, 4) + 8 * digit(id_number, 5) + 4 * digit(id_number, 6)
                + 2 * digit(id_number, 7) + 1 * digit(id_number, 8) + 6 * digit(id_number, 9)
                + 3 * digit(id_number, 10) + 7 * digit(id_number, 11) + 9 * digit(id_number, 12)
                + 10 * digit(id_number, 13) + 5 * digit(id_number, 14) + 8 * digit(id_number, 15)
                + 4 * digit(id_number, 16) + 2 * digit(id_number, 17)
            ) % 11, 1) = substr(id_number, 18, 1)
        )),
        false
    ) as is_valid,
    (birth_date + interval 216 month)::date
    + (month(birth_date) = 2 and day(birth_date) = 29)::integer as adult_from
from customers;

-- Every signature and withdrawal of the document that authorizes reporting, in unbroken periods.
create table events as
with authorizing as (
    select
        consent_event_id,
        customer_id,
        product_code,
        known_consents.reporter_code,
        occurred_at,
        action = 'signed' as is_signature,
        row_number() over (
            partition by customer_id, product_code, known_consents.reporter_code
            order by occurred_at, action, consent_event_id
        ) as event_number
    from known_consents
    inner join product_policy using (product_code, document_code)
    semi join customers using (customer_id)
    where
        regexp_full_match(known_consents.reporter_code, '[A-Za-z0-9]{14}')
        and document_version is not null
        and document_sha256 is not null
        and action in ('signed', 'withdrawn')
        and occurred_at is not null
        and channel is not null
),

opened as (
    select
        *,
        lag(is_signature, 1, false) over (
            partition by customer_id, product_code, reporter_code order by event_number
        ) as is_in_period,
        is_signature and not is_in_period as opens_period,
        is_in_period and not is_signature as ends_period
    from authorizing
)

select
    *,
    max(case when opens_period then occurred_at end) over of_reporter as signed_at,
    max(case when opens_period then event_number end) over of_reporter as opened_at_event
from opened
window of_reporter as (
    partition by customer_id, product_code, reporter_code order by event_number
);

-- What each account's customer has signed, for anyone and for its reporter, by its report date.
create table authorizations as
with together as (
    select
        account_no,
        bool_or(is_signature) as has_any_signature,
        bool_or(is_signature and is_known) as has_signature_by_report_date,
        bool_or(is_for_reporter) as is_reporter_named,
        max_by(is_signature, event_number) filter (is_for_reporter) as is_in_force,
        max_by(events.signed_at, event_number) filter (is_for_reporter) as signed_at,
        max(events.signed_at) filter (
            is_for_reporter and ends_period
            and opened_on <= last_report_date
            and events.signed_at < last_report_date + interval 1 day
        ) as signed_at_run_off
    from (
        select
            account_no,
            opened_on,
            events.* exclude (customer_id, product_code, reporter_code),
            date_trunc('month', occurred_at)::date - 1 as last_report_date,  -- before a withdrawal
            occurred_at < accounts.report_date + interval 1 day as is_known,
            is_known and events.reporter_code = accounts.reporter_code as is_for_reporter
        from accounts inner join events using (customer_id, product_code)
    ) as events
    group by account_no
)

select
    account_no,
    has_any_signature,
    has_signature_by_report_date,
    is_reporter_named,
    is_in_force,
    coalesce(
        not is_in_force and on_withdrawal = 'run_off' and not is_closed_earlier
        and sent_210.report_date is not null and signed_at_run_off is not null,
        false
    ) as is_in_run_off,
    case when is_in_run_off then signed_at_run_off else together.signed_at end as signed_at
from together
inner join accounts using (account_no)
left join sent_210 using (reporter_code, account_id);
