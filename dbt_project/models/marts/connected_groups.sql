-- WHICH USER GROUPS HAVE BEEN CONNECTED?
--
-- One row per report month, product, kind of group and group: the customers with an account of the
-- product open at any time in the month, and those of them whose authorization is in force for such
-- an account at its report date. Groups under the minimum size (a setting) are folded together as
-- 'other'.
-- Long, because four kinds of groups are counted and folded together in the same way.
with accounts as (
    select
        population.customer_id,
        population.product_code,
        population.authorized_on is not null as is_connected,
        status.credit_limit,
        coalesce(accounts.parent_account_id, accounts.account_id) as agreement_id
    from {{ ref('reportable_population') }} as population
    inner join {{ ref('stg_accounts') }} as accounts
        on population.account_id = accounts.account_id
    left join {{ ref('repayment_status') }} as status
        on population.account_id = status.account_id
        and population.report_month = status.report_month
    where
        population.report_month = {{ report_month() }}
        and population.reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER')
),

customers as (
    select
        customer_id,
        product_code,
        max(case when is_connected then 1 else 0 end) as connected,
        max(credit_limit) as largest_limit
    from accounts
    group by customer_id, product_code
),

consent_waves as (  -- the campaign of the newest consent event that names one
    select
        customer_id,
        product_code,
        max_by(campaign_code, (occurred_at, consent_event_id)) as campaign_code
    from {{ ref('stg_consents') }}
    where
        occurred_at < {{ day_after(report_month_end()) }}
        and campaign_code <> ''
    group by customer_id, product_code
),

limit_waves as (  -- likewise of the newest change of a limit
    select
        accounts.customer_id,
        accounts.product_code,
        max_by(limits.campaign_code, (limits.effective_on, limits.account_id)) as campaign_code
    from accounts
    inner join {{ ref('stg_credit_limits') }} as limits
        on accounts.agreement_id = limits.account_id
    where
        limits.effective_on <= {{ report_month_end() }}
        and limits.campaign_code <> ''
    group by accounts.customer_id, accounts.product_code
),

first_openings as (
    select
        customer_id,
        product_code,
        min(opened_on) as opened_on
    from {{ ref('stg_accounts') }}
    group by customer_id, product_code
),

described as (  -- one column per kind of group
    select
        customers.product_code,
        customers.connected,
        coalesce(consent_waves.campaign_code, limit_waves.campaign_code, 'none') as wave,
        coalesce(limit_bands.limit_band, 'no limit') as limit_band,
        coalesce(score_bands.score_band, 'no score') as score_band,
        cast(extract(year from first_openings.opened_on) as {{ dbt.type_string() }}) as opened_year
    from customers
    inner join first_openings
        on customers.customer_id = first_openings.customer_id
        and customers.product_code = first_openings.product_code
    left join consent_waves
        on customers.customer_id = consent_waves.customer_id
        and customers.product_code = consent_waves.product_code
    left join limit_waves
        on customers.customer_id = limit_waves.customer_id
        and customers.product_code = limit_waves.product_code
    left join {{ ref('int_customers_scored') }} as scores
        on customers.customer_id = scores.customer_id
    left join {{ ref('limit_bands') }} as limit_bands
        on customers.largest_limit is not null
        and coalesce(customers.largest_limit >= limit_bands.from_limit, true)
        and coalesce(customers.largest_limit < limit_bands.below_limit, true)
    left join {{ ref('score_bands') }} as score_bands
        on scores.score is not null
        and coalesce(scores.score >= score_bands.from_score, true)
        and coalesce(scores.score < score_bands.below_score, true)
),

groups as (
    {%- for kind in ['wave', 'limit_band', 'score_band', 'opened_year'] %}
    select
        product_code,
        '{{ kind }}' as group_kind,
        {{ kind }} as group_value,
        count(*) as customers,
        sum(connected) as connected_customers
    from described
    group by product_code, {{ kind }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

folded as (
    select
        *,
        case
            when customers < {{ var('minimum_group_size') }} then 'other' else group_value
        end as shown_value
    from groups
)

select
    {{ report_month() }} as report_month,
    product_code,
    group_kind,
    shown_value as group_value,
    cast(sum(customers) as bigint) as customers,
    cast(sum(connected_customers) as bigint) as connected_customers,
    -- a half goes up, also where no double hits it
    cast((sum(connected_customers) + 1e-6) / sum(customers) as decimal(9, 4)) as share,
    {{ var('minimum_group_size') }} as minimum_group_size
from folded
group by product_code, group_kind, shown_value
