-- One row per customer with an in-house score: the newest one by the end of the report month.
select
    customer_id,
    max_by(score, scored_on) as score,
    max(scored_on) as scored_on
from {{ ref('stg_internal_scores') }}
where scored_on <= {{ report_month_end() }}
group by customer_id
