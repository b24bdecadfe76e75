-- Records that the run withheld, and records up to this month that the bureau rejected.
select
    cause,
    coalesce(feedback_code, rule_id) as code,
    any_value(sentence) as sentence,
    any_value(what_to_do) as what_to_do,
    any_value(usual_cause) as usual_cause,
    count(distinct record_id) as records,
    min(coalesce(first_withheld_in, report_month)) as since,
    min(due_on) as due_on
from marts.repair_queue
where
    report_month = $month
    or (cause = 'REJECTED' and report_month < $month)
group by cause, code
order by records desc, code;
