-- One row per credit agreement and day on which there is something to tell of it. An agreement
-- opens with the first reported account under it (10), follows its limit once a month (30) and ends
-- with its R1 account or with a limit of zero (20); one that is first reported in the month it ends
-- is one record, 20. Known agreements are followed as long as somebody under them may be named,
-- also in months without a record 210 (contracts, section 5); a supplement follows none. One whose
-- newest record was rejected is taken as if an account under it were reported on that day again
-- (life cycle, section 5).
-- Long, because an agreement has three kinds of events, which must be ordered against each other.
with reported as (  -- agreements with a record 210 in this batch, or pending themselves
    select
        reporter_code,
        agreement_id,
        min(report_date) as first_report_date,
        max(account_closed_on) as account_closed_on
    from (
        select
            reporter_code,
            agreement_id,
            report_date,
            case when acct_type = 'R1' then close_date end as account_closed_on
        from {{ ref('record_210') }}
        union all
        select
            pending.reporter_code,
            pending.subject_id as agreement_id,
            pending.report_date,
            case when pending.report_date_code = '20' then accounts.closed_on end
                as account_closed_on
        from {{ source('history', 'pending_records') }} as pending
        left join {{ ref('stg_accounts') }} as accounts  -- the agreement of draws is none
            on pending.subject_id = accounts.account_id
        where pending.record_type = '220'
    ) as records
    group by reporter_code, agreement_id
),

agreements as (
    select
        accounts.reporter_code,
        accounts.agreement_id,
        min(accounts.opened_on) as opened_on,
        max(case when named.account_id is not null then 1 else 0 end) = 1 as may_be_followed
    from {{ ref('int_accounts_at_report_date') }} as accounts
    left join {{ ref('accounts_named') }} as named
        on accounts.account_id = named.account_id
        and accounts.reporter_code = named.reporter_code
    where accounts.report_month = {{ report_month() }}
    group by accounts.reporter_code, accounts.agreement_id
),

known as (
    select
        agreements.*,
        reported.first_report_date,
        reported.account_closed_on,
        sent.sent_limit,
        sent.subject_id is not null as was_sent
    from agreements
    left join reported
        on agreements.reporter_code = reported.reporter_code
        and agreements.agreement_id = reported.agreement_id
    left join {{ ref('records_sent_before') }} as sent
        on agreements.agreement_id = sent.subject_id
        and agreements.reporter_code = sent.reporter_code
        and sent.record_type = '220'
    where
        coalesce(sent.last_report_date_code <> '20', true)
        and (
            reported.agreement_id is not null
            or (
                sent.subject_id is not null
                and agreements.may_be_followed
                and not {{ 'true' if var('is_supplement') else 'false' }}
            )
        )
),

limits as (
    select
        known.reporter_code,
        known.agreement_id,
        min(limits.effective_on) as first_effective_on,
        max_by(
            limits.credit_limit,
            case when limits.effective_on <= known.first_report_date then limits.effective_on end
        ) as limit_at_start,
        max_by(limits.credit_limit, limits.effective_on) as limit_at_end
    from known
    inner join {{ ref('stg_credit_limits') }} as limits
        on known.agreement_id = limits.account_id
        and limits.effective_on <= coalesce(known.account_closed_on, {{ report_month_end() }})
    group by known.reporter_code, known.agreement_id
),

followed as (
    select
        known.*,
        limits.limit_at_start,
        limits.limit_at_end,
        limits.first_effective_on,
        coalesce(known.account_closed_on, {{ report_month_end() }}) as last_date,
        known.account_closed_on is not null or coalesce(limits.limit_at_end = 0, false)
            as is_ended
    from known
    left join limits
        on known.reporter_code = limits.reporter_code
        and known.agreement_id = limits.agreement_id
),

decided as (
    select
        followed.*,
        not followed.was_sent and not (
            followed.is_ended
            and (
                followed.limit_at_start is null
                or {{ month_start('followed.first_report_date') }}
                = {{ month_start('followed.last_date') }}
            )
        ) as is_started,
        -- without a known limit an agreement cannot be reported: it opens when there is one
        case
            when followed.limit_at_start is null then followed.last_date
            else followed.first_report_date
        end as starts_on,
        coalesce(followed.limit_at_start, followed.limit_at_end) as limit_told_at_start,
        case
            when followed.was_sent
                then {{ yuan('followed.sent_limit') }} <> {{ yuan('followed.limit_at_end') }}
            else coalesce(
                {{ yuan('followed.limit_at_start') }} <> {{ yuan('followed.limit_at_end') }}, false
            )
        end and followed.limit_at_end is not null as is_limit_news
    from followed
)

select
    agreement_id,
    reporter_code,
    opened_on,
    first_effective_on,
    '10' as rpt_date_code,
    starts_on as rpt_date,
    limit_told_at_start as credit_limit
from decided
where is_started
union all
select
    agreement_id,
    reporter_code,
    opened_on,
    first_effective_on,
    case when is_ended then '20' else '30' end as rpt_date_code,
    last_date as rpt_date,
    limit_at_end as credit_limit
from decided
where
    is_ended
    or coalesce(is_limit_news, true)
