-- What was not sent, why, and what releases it.
create macro marts.withheld(of_month := null) as table
with wanted as (select marts.month_or_newest(of_month) as report_month)

select
    owed.report_month,
    owed.account_id,
    owed.customer_id,
    owed.product_code,
    owed.owed_month as pending_month,
    owed.held_back_by,
    owed.rule_ids,
    coalesce(
        any_value(reasons.sentence),
        string_agg('Fails rule ' || rules.rule_id || ': ' || rules.sentence, ' ' order by rules.rule_id),
        'The account is not in the data of this month.'
    ) as sentence,
    any_value(notices.earliest_report_on) as earliest_report_on
from wanted
inner join marts.months_owed as owed on wanted.report_month = owed.report_month
left join marts.reasons as reasons on owed.held_back_by = reasons.reason_code
left join marts.bureau_rules as rules
    on owed.held_back_by = 'WITHHELD'
    and list_contains(string_split(owed.rule_ids, ', '), rules.rule_id)
    and rules.severity = 'E'
left join marts.notices_due as notices
    on owed.account_id = notices.account_id
    and owed.report_month = notices.report_month
    and owed.episode_started_on = notices.episode_started_on
group by all
order by owed.held_back_by, owed.account_id, owed.owed_month;

comment on macro table marts.withheld is
'Months of accounts that a month''s run left pending, each with its reason in words. withheld(''2026-05'').';
