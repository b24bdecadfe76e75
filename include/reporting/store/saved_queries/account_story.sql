-- One account month by month: its ledger, its verdict, and what was sent to the bureau.
create macro marts.account_story(of_account) as table
select
    population.report_month,
    population.account_id,
    population.reason_code,
    reasons.sentence,
    status.repayment_status,
    status.days_past_due,
    status.overdue_total,
    status.balance,
    records.report_date,
    records.state as record_state,
    records.file_name,
    records.released_at,
    records.feedback_code,
    records.rule_ids
from marts.reportable_population as population
left join marts.repayment_status as status
    on population.account_id = status.account_id
    and population.report_month = status.report_month
left join marts.reasons as reasons on population.reason_code = reasons.reason_code
left join marts.submission_records as records
    on population.account_id = records.account_id
    and population.report_month = records.report_month
    and records.record_type = '210'
where population.account_id = of_account
order by population.report_month, records.as_of, records.report_date;

comment on macro table marts.account_story is
'One account month by month: verdict in words, status and amounts (CNY), and each record 210 that the month''s runs built, with its state today. account_story(''A00000001'').';
