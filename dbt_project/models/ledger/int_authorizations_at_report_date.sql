-- One row per account recorded by the cut-off and month that is read: what the customer has signed
-- for this product, for anyone and for the account's reporter, by the account's report date
-- (contracts, section 3). An owed month goes out later only while the authorization it was owed
-- under stands: no new period has begun since, and it is not withdrawn, or the account may run off.
--
-- Run-off rests on the last period that was in force at a report date: one that begins and ends
-- between two report dates neither ends nor renews it. It needs a record that counts as sent, so
-- that no customer is reported for the first time after withdrawing.
-- Long, because signatures, withdrawals and run-off are one sequence of events of a customer.
with accounts as (
    select * from {{ ref('int_accounts_at_report_date') }}
),

for_anyone as (
    select
        accounts.account_id,
        accounts.report_month,
        count(case when events.is_signature then 1 end) as signatures_known,
        count(case
            when
                events.is_signature
                and events.occurred_at < {{ day_after('accounts.report_date') }}
                then 1
        end) as signatures_by_report_date,
        min(case when events.is_signature then events.occurred_at end) as first_signed_at
    from accounts
    inner join {{ ref('int_authorizing_events') }} as events
        on accounts.customer_id = events.customer_id
        and accounts.product_code = events.product_code
    group by accounts.account_id, accounts.report_month
),

for_reporter as (
    select
        accounts.account_id,
        accounts.report_month,
        max_by(events.is_signature, events.event_number) as is_in_force,
        max_by(events.consent_event_id, events.event_number) as last_event_id
    from accounts
    inner join {{ ref('int_authorizing_events') }} as events
        on accounts.customer_id = events.customer_id
        and accounts.product_code = events.product_code
        and accounts.reporter_code = events.reporter_code
        and events.occurred_at < {{ day_after('accounts.report_date') }}
    group by accounts.account_id, accounts.report_month
),

-- every period begun by the report date: its first signature and the withdrawal that ended it
periods_begun as (
    select
        accounts.account_id,
        accounts.report_month,
        accounts.opened_on,
        events.period_number,
        min(events.occurred_at) as signed_at,
        min_by(events.consent_event_id, events.event_number) as signature_event_id,
        min(case when not events.is_signature then events.occurred_at end) as withdrawn_at
    from accounts
    inner join {{ ref('int_authorizing_events') }} as events
        on accounts.customer_id = events.customer_id
        and accounts.product_code = events.product_code
        and accounts.reporter_code = events.reporter_code
        and events.occurred_at < {{ day_after('accounts.report_date') }}
    where events.period_number > 0
    group by
        accounts.account_id,
        accounts.report_month,
        accounts.opened_on,
        events.period_number
),

with_last_report_date as (  -- the last month end before the withdrawal
    select
        *,
        {{ add_days(month_start('cast(withdrawn_at as date)'), -1) }} as month_end_before_withdrawal
    from periods_begun
),

in_force_at_report_date as (
    select
        *,
        coalesce(
            withdrawn_at is null
            or (
                opened_on <= month_end_before_withdrawal
                and signed_at < {{ day_after('month_end_before_withdrawal') }}
            ),
            false
        ) as was_in_force
    from with_last_report_date
),

periods as (  -- the last one in force at a report date; where none was, the last one begun
    select *
    from in_force_at_report_date
    qualify row_number() over (
        partition by account_id, report_month
        order by was_in_force desc, period_number desc
    ) = 1
),

sent_before as (
    select distinct
        account_id,
        reporter_code
    from {{ source('history', 'submission_records') }}
    where
        record_type = '210'
        and state in {{ sent_states() }}
),

authorized as (
    select
        accounts.account_id,
        accounts.report_month,
        accounts.report_date,
        accounts.is_owed_from_before,
        coalesce(for_anyone.signatures_known, 0) > 0 as has_any_signature,
        coalesce(for_anyone.signatures_by_report_date, 0) > 0 as has_signature_by_report_date,
        for_anyone.first_signed_at,
        for_reporter.account_id is not null as is_reporter_named,
        coalesce(for_reporter.is_in_force, false) as is_in_force,
        for_reporter.last_event_id,
        periods.signed_at,
        periods.signature_event_id,
        periods.withdrawn_at,
        accounts.on_withdrawal = 'run_off' and sent_before.account_id is not null as may_run_off,
        coalesce(
            not for_reporter.is_in_force
            and accounts.on_withdrawal = 'run_off'
            and sent_before.account_id is not null
            and not accounts.is_closed_earlier
            and periods.was_in_force,
            false
        ) as is_in_run_off
    from accounts
    left join for_anyone
        on accounts.account_id = for_anyone.account_id
        and accounts.report_month = for_anyone.report_month
    left join for_reporter
        on accounts.account_id = for_reporter.account_id
        and accounts.report_month = for_reporter.report_month
    left join periods
        on accounts.account_id = periods.account_id
        and accounts.report_month = periods.report_month
    left join sent_before
        on accounts.account_id = sent_before.account_id
        and accounts.reporter_code = sent_before.reporter_code
)

select
    authorized.account_id,
    authorized.report_month,
    authorized.has_any_signature,
    authorized.has_signature_by_report_date,
    authorized.first_signed_at,
    authorized.is_reporter_named,
    authorized.is_in_force,
    authorized.last_event_id,
    authorized.signed_at,
    authorized.signature_event_id,
    authorized.withdrawn_at,
    authorized.is_in_run_off,
    not authorized.is_owed_from_before
    or coalesce(
        in_this_run.signed_at < {{ day_after('authorized.report_date') }}
        and (in_this_run.is_in_force or authorized.may_run_off),
        false
    ) as is_still_standing
from authorized
inner join authorized as in_this_run
    on authorized.account_id = in_this_run.account_id
    and in_this_run.report_month = {{ report_month() }}
