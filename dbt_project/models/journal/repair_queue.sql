-- One row per withheld record and rule that it fails: what a person must repair before it can be
-- sent (contracts, section 3; REQ-17).
with withheld as (
    select
        *,
        unnest(string_split(rule_ids, ', ')) as rule_id
    from {{ ref('submission_records') }}
    where state = 'WITHHELD'
),

first_withheld as (
    select
        record_type,
        reporter_code,
        subject_id,
        report_date,
        min(report_month) as report_month
    from {{ source('history', 'submission_records') }}
    where state = 'WITHHELD'
    group by all
)

select
    withheld.report_month,
    withheld.record_id,
    withheld.record_type,
    withheld.reporter_code,
    withheld.subject_id,
    withheld.account_id,
    withheld.report_date,
    rules.rule_id,
    rules.sentence,
    case when withheld.rule_id = 'V71' then withheld.faulty_elements end as faulty_elements,
    rules.usual_cause,
    coalesce(first_withheld.report_month, withheld.report_month) as first_withheld_in
from withheld
inner join {{ source('checks', 'bureau_rules') }} as rules
    on withheld.rule_id = rules.rule_id
    and rules.severity = 'E'
left join first_withheld
    on withheld.record_type = first_withheld.record_type
    and withheld.reporter_code = first_withheld.reporter_code
    and withheld.subject_id = first_withheld.subject_id
    and withheld.report_date = first_withheld.report_date
