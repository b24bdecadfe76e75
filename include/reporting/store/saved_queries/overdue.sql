-- Who is overdue at the end of a month, and is it reported? Worst first.
create macro marts.overdue(of_month := null) as table
with wanted as (select marts.month_or_newest(of_month) as report_month)

select
    status.report_month,
    status.account_id,
    population.customer_id,
    population.product_code,
    status.repayment_status,
    status.days_past_due,
    status.overdue_total,
    status.oldest_unpaid_due_on,
    population.is_reportable,
    population.reason_code,
    reasons.sentence
from wanted
inner join marts.repayment_status as status on wanted.report_month = status.report_month
inner join marts.reportable_population as population
    on status.account_id = population.account_id
    and wanted.report_month = population.report_month
left join marts.reasons as reasons on population.reason_code = reasons.reason_code
where status.days_past_due > 0
order by status.days_past_due desc, status.overdue_total desc, status.account_id;

comment on macro table marts.overdue is
'Accounts that are overdue at the end of a month, worst first, and whether each is reported. overdue(''2026-05''); without a month: the newest.';
