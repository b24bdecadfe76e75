-- One row per account and report month of everything that is not reportable: the behaviour at the
-- report date and the customer's newest in-house score by the month's end. Until a customer
-- authorizes reporting, only that score is touched; nothing of this table enters an outgoing file.
-- Accounts that were not open in the month have no behaviour, but are here too.
select
    population.report_month,
    population.account_id,
    population.customer_id,
    population.product_code,
    population.reason_code,
    status.repayment_status,
    status.days_past_due,
    status.overdue_total,
    status.balance,
    status.credit_limit,
    status.amount_due,
    status.amount_paid,
    scores.score,
    scores.scored_on
from {{ ref('reportable_population') }} as population
left join {{ ref('repayment_status') }} as status
    on population.account_id = status.account_id
    and population.report_month = status.report_month
left join {{ ref('int_customers_scored') }} as scores
    on population.customer_id = scores.customer_id
where
    population.report_month = {{ report_month() }}
    and not population.is_reportable
