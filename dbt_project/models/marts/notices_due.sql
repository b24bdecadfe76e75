-- WHO MUST BE NOTIFIED BEFORE ADVERSE INFORMATION IS REPORTED?
--
-- One row per account and adverse episode with a month held back for its advance notice (Regulation
-- on Credit Reporting, article 15): the first month held back, the state of the newest one, and the
-- text to send, in English and Chinese (seed notice_texts). An episode whose notice was delivered
-- waits for the lead days alone and gets no second one. An account that quarantine holds gets no
-- notice: a payment that waits there may be the one that settles it
-- (docs/decisions/0014-quarantine-downstream.md).
-- Long, because every placeholder is named, and what a text holds is carried in both languages.
{%- set earliest_report_on = "date '" ~ var('earliest_report_on') ~ "'" %}
{%- set placeholders = {
    'account': 'account_id',
    'month': month_text('state_month'),
    'first_month': month_text('held_month'),
    'amount_overdue': 'cast(overdue_total as ' ~ dbt.type_string() ~ ')',
    'days_past_due': 'cast(days_past_due as ' ~ dbt.type_string() ~ ')',
    'reported_status': 'reported_status',
    'earliest_report_on': 'cast(' ~ earliest_report_on ~ ' as ' ~ dbt.type_string() ~ ')',
    'how_to_pay': 'how_to_pay',
    'how_to_dispute': 'how_to_dispute',
} %}
{%- set placeholders_zh = dict(placeholders, **{
    'month': month_in_chinese('state_month'),
    'first_month': month_in_chinese('held_month'),
    'reported_status': 'reported_status_zh',
    'earliest_report_on': day_in_chinese(earliest_report_on),
    'how_to_pay': 'how_to_pay_zh',
    'how_to_dispute': 'how_to_dispute_zh',
}) %}

with months_held as (
    select
        population.account_id,
        population.customer_id,
        population.product_code,
        population.reporter_code,
        population.episode_started_on,
        population.report_month as state_month,
        status.repayment_status,
        status.days_past_due,
        status.overdue_total,
        min(population.report_month) over (
            partition by population.account_id, population.episode_started_on
        ) as held_month,
        row_number() over (
            partition by population.account_id, population.episode_started_on
            order by population.report_month desc
        ) as place
    from {{ ref('reportable_population') }} as population
    inner join {{ ref('repayment_status') }} as status
        on population.account_id = status.account_id
        and population.report_month = status.report_month
    where
        population.reason_code = 'NOTICE_PENDING'
        and population.report_month <= {{ report_month() }}
),

notices as (  -- those sent for the episode by the cut-off
    select
        account_id,
        episode_started_on,
        count(delivered_at) as delivered,
        max(sent_at) as last_sent_at,
        max_by(text_version, (sent_at, notice_id)) as last_text_version
    from {{ ref('stg_adverse_notices') }}
    group by account_id, episode_started_on
),

text_in_use as (  -- the newest version at the cut-off
    select
        *,
        row_number() over (order by used_from desc, text_version desc) as place
    from {{ ref('notice_texts') }}
    where used_from <= {{ as_of() }}
),

due as (
    select
        held.*,
        notices.last_sent_at,
        notices.last_text_version,
        texts.text_version,
        texts.text as text_with_placeholders,
        texts.how_to_pay,
        texts.how_to_dispute,
        texts.text_zh as text_with_placeholders_zh,
        texts.how_to_pay_zh,
        texts.how_to_dispute_zh,
        held.repayment_status || ', ' || coalesce(statuses.meaning, words.meaning)
            as reported_status,
        held.repayment_status || '（' || coalesce(statuses.meaning_zh, words.meaning_zh) || '）'
            as reported_status_zh
    from months_held as held
    left join notices
        on held.account_id = notices.account_id
        and held.episode_started_on = notices.episode_started_on
    left join {{ ref('repayment_statuses') }} as statuses
        on held.repayment_status = statuses.repayment_status
    left join {{ ref('code_words') }} as words  -- a status that is not of a number of days
        on words.kind = 'repayment_status'
        and held.repayment_status = words.code
    left join text_in_use as texts  -- none in use: the month stops, text may not be null
        on texts.place = 1
    left join {{ ref('int_accounts_in_quarantine') }} as quarantine
        on held.account_id = quarantine.account_id
    where
        held.place = 1
        and coalesce(notices.delivered, 0) = 0
        and coalesce(quarantine.held_since > {{ report_month_end() }}, true)
)

select
    {{ report_month() }} as report_month,
    account_id,
    customer_id,
    product_code,
    reporter_code,
    episode_started_on,
    held_month,
    repayment_status,
    days_past_due,
    overdue_total,
    last_sent_at,
    last_text_version,
    text_version,
    {{ filled_in('text_with_placeholders', placeholders) }} as text,
    {{ filled_in('text_with_placeholders_zh', placeholders_zh) }} as text_zh,
    {{ earliest_report_on }} as earliest_report_on
from due
