-- One row per account that has no string in the month before: its 60 months as of that month,
-- oldest first, read from all records ever sent. Such an account was missing from that month's
-- data.
{{ config(schema='ledger') }}

with run as (
    select
        report_month,
        case
            when is_supplement then report_month  -- its predecessor ended with the same month
            else cast(report_month - interval 1 month as date)
        end as month_before
    from {{ source('run', 'built_months') }}
),

left_out as (
    select distinct known.account_id
    from {{ source('history', 'accounts_known') }} as known
    inner join {{ ref('reportable_population') }} as population
        on known.account_id = population.account_id
    inner join run
        on population.report_month = run.report_month
    anti join {{ source('history', 'repayment_history') }} as strings
        on known.account_id = strings.account_id
),

sent as (  -- of several records about one month, the one sent last
    select
        journals.account_id,
        date_diff('month', journals.report_date, run.month_before) as months_ago,
        max_by(journals.repayment_status, (journals.report_month, journals.report_date)) as status
    from {{ source('history', 'journals') }} as journals
    inner join left_out
        on journals.account_id = left_out.account_id
    cross join run
    where
        journals.record_type = '210'
        and journals.state in {{ sent_states() }}
    group by all
),

parts as (  -- each status with the dashes of the silent months before it
    select
        account_id,
        months_ago,
        repeat('-', lag(months_ago, 1, 60) over (
            partition by account_id
            order by months_ago desc
        ) - months_ago - 1) || status as part
    from sent
    where months_ago between 0 and 59
)

select
    account_id,
    string_agg(part, '' order by months_ago desc) || repeat('-', min(months_ago)) as history_60
from parts
group by account_id
