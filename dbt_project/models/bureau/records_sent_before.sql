-- One row per institution and person or agreement with a record sent by an earlier run: what was
-- said last, by whatever run, and whatever day it was about.
{{ config(materialized='view') }}

with sent as (
    select
        *,
        {{ said_when() }} as position
    from {{ ref('records_sent') }}
    where record_type in ('110', '220')
)

select
    reporter_code,
    record_type,
    subject_id,
    max_by(identity_hash, position) as sent_b,
    max_by(coalesce(values_hash, ''), position) as sent_values,
    max_by(credit_limit, position) as sent_limit,
    max_by(report_date_code, position) as last_report_date_code,
    max(report_date) as last_report_date
from sent
group by reporter_code, record_type, subject_id
