-- Whose overdue began in a month: not overdue at the end of the month before, or not open then. No rows
-- where the month before is not built, since nothing is known of it.
create macro marts.newly_overdue(of_month := null) as table
select
    overdue.*,
    population.episode_started_on,
    population.notice_delivered_at
from marts.overdue(of_month) as overdue
inner join marts.reportable_population as population
    on overdue.account_id = population.account_id
    and overdue.report_month = population.report_month
anti join marts.repayment_status as before
    on overdue.account_id = before.account_id
    and before.report_month = overdue.report_month - interval 1 month
    and before.days_past_due > 0
where overdue.report_month - interval 1 month in (select report_month from marts.built_months)
order by overdue.overdue_total desc, overdue.account_id;

comment on macro table marts.newly_overdue is
'Accounts that are overdue at the end of a month and were not at the end of the month before, with the day their notice was delivered; none where the month before is not built. newly_overdue(''2026-05'').';
