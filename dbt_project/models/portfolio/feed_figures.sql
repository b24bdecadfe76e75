-- One row per feed and figure of what became known in the report month, with the least and the
-- greatest value of the three months before it. Months are those of recorded_at, over all delivered
-- rows: so that the first month that is run has a past, too. Runs on DuckDB, also where Spark
-- builds the marts.
-- Long, because the metrics of nine feeds are a list beside the query.
{%- set figures = {
    'customers': {
        'no_mobile': 'avg((mobile_number is null)::integer)',
        'no_email': 'avg((email is null)::integer)',
        'no_address': 'avg((residence_address is null)::integer)',
        'women': "avg((sex = '2')::integer)",
        'students': 'avg(coalesce(is_student, false)::integer)',
        'birth_year': 'avg(year(birth_date))',
    },
    'accounts': {
        'closed': 'avg((closed_on is not null)::integer)',
        'no_district': 'avg((applied_district is null)::integer)',
    },
    'credit_limits': {
        'amount': typical('credit_limit', 'credit_limit > 0'),
        'decreases': "avg((change_reason <> 'initial' and change_reason <> 'increase')::integer)",
    },
    'consents': {
        'withdrawn': "avg((action = 'withdrawn')::integer)",
    },
    'transactions': {
        'amount': typical('amount', "amount > 0 and transaction_type in ('purchase', 'cash_draw')"),
        'paid_amount': typical('amount', "amount > 0 and transaction_type = 'repayment'"),
        'repayments': "avg((transaction_type = 'repayment')::integer)",
        'at_night': 'avg((hour(occurred_at) < 6)::integer)',
        'late': "avg((recorded_at > occurred_at + interval 10 day)::integer)",
        'reversals': "avg((transaction_type = 'reversal')::integer)",
    },
    'bills': {
        'amount': typical('principal_due + interest_due + fee_due',
            'principal_due + interest_due + fee_due > 0'),
        'interest': 'avg((interest_due > 0)::integer)',
        'days_to_pay': "avg(date_diff('day', statement_on, due_on))",
    },
    'adverse_notices': {
        'undelivered': 'avg((delivered_at is null)::integer)',
    },
    'disputes': {},
    'internal_scores': {
        'score': mean('score', 'true'),
    },
} %}
{#- what two rows of one fact would have in common -#}
{%- set twins = {
    'transactions': 'account_id, transaction_type, amount, occurred_at',
    'bills': 'account_id, statement_on, due_on, principal_due, interest_due, fee_due',
    'consents': 'customer_id, product_code, document_code, action, occurred_at',
    'adverse_notices': 'account_id, episode_started_on, sent_at',
    'disputes': 'account_id, received_on, claim',
} %}

with {% for feed, expressions in figures.items() -%}
{{ feed }}_by_month as (
    select
        date_diff('month', recorded_at, {{ report_month() }}) as months_ago,
        {%- for figure, expression in expressions.items() %}
        {{ expression }} as {{ figure }},
        {%- endfor %}
        count(*) as rows_known
    from {{ source('raw', feed) }}
    where
        recorded_at >= {{ report_month() }} - interval 3 month
        and recorded_at < {{ day_after(report_month_end()) }}
    group by months_ago
),

{% endfor -%}
every_figure as (
    {%- for feed, expressions in figures.items() %}
    {%- set outer_last = loop.last %}
    {%- for figure in ['rows'] + expressions.keys() | list %}
    select
        '{{ feed }}' as scope,
        'feed_{{ figure }}' as figure,
        months_ago,
        rows_known,
        cast({{ 'rows_known' if figure == 'rows' else figure }} as double) as value
    from {{ feed }}_by_month
    {{ 'union all' if not (outer_last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

-- a month in which nothing came is a month with no rows, not a missing one
months as (
    select
        scope,
        figure,
        unnest(range(0, 4)) as months_ago,
        max(months_ago) as oldest
    from every_figure
    group by
        scope,
        figure
),

complete as (
    select
        months.scope,
        months.figure,
        months.months_ago,
        coalesce(every_figure.rows_known, 0) as rows_known,
        case
            when months.figure = 'feed_rows' then coalesce(every_figure.value, 0)
            else every_figure.value
        end as value
    from months
    left join every_figure
        on months.scope = every_figure.scope
        and months.figure = every_figure.figure
        and months.months_ago = every_figure.months_ago
    where months.months_ago <= months.oldest
),

judged as (  -- as in batch_figures: what was unusual is no measure
    select
        complete.*,
        unusual.figure is null and complete.months_ago > 0 as is_measure
    from complete
    left join {{ source('history', 'unusual_figures') }} as unusual
        on complete.figure = unusual.figure
        and complete.scope = unusual.scope
        and complete.months_ago
        = date_diff('month', unusual.report_month, {{ report_month() }})
)

select
    scope,
    figure,
    max(case when months_ago = 0 then value end) as value,
    min(value) filter (where is_measure) as least,
    max(value) filter (where is_measure) as greatest,
    count(value) filter (where is_measure) as months_before,
    -- what the figure rests on; a count rests on the counts before it
    case
        when figure = 'feed_rows' then min(case when months_ago > 0 then rows_known end)
        else min(rows_known)
    end as rows_counted
from judged
group by
    scope,
    figure
{%- for feed, content in twins.items() %}
union all
select
    '{{ feed }}' as scope,
    'feed_twins' as figure,
    1 - count(distinct hash({{ content }}))
    / nullif(count(distinct hash({{ raw_key(feed)[0] }})), 0) as value,
    null as least,
    null as greatest,
    0 as months_before,
    count(*) as rows_counted
from {{ source('raw', feed) }}
where
    recorded_at >= {{ report_month() }}
    and recorded_at <= {{ as_of() }}
{%- endfor %}
union all
select
    'internal_scores' as scope,
    'feed_same_as_before' as figure,
    avg((score = score_before)::integer) as value,
    null as least,
    null as greatest,
    0 as months_before,
    count(*) as rows_counted
from (
    select
        recorded_at,
        score,
        lag(score) over (
            partition by customer_id
            order by scored_on
        ) as score_before
    from {{ ref('stg_internal_scores') }}
) as scores
where
    recorded_at >= {{ report_month() }}
    and score_before is not null
