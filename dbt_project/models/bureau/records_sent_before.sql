-- One row per institution and person or agreement with a record sent by an earlier run: the hashes
-- of the segments as last sent, whatever day they were about.
with sent as (
    select
        *,
        row_number() over (
            partition by reporter_code, record_type, subject_id
            order by report_month, report_date
        ) as nth_sent
    from {{ ref('records_sent') }}
    where record_type <> '210'
)

select
    reporter_code,
    record_type,
    subject_id,
    {%- for segment in ['B', 'D', 'FCS', 'SPS', 'EDU', 'OCTPN', 'REDNC', 'MLG'] %}
    max_by(
        {{ segment_hash(segment) }},
        case when {{ segment_hash(segment) }} is not null then nth_sent end
    ) as sent_{{ segment | lower }},
    {%- endfor %}
    max_by(coalesce(values_hash, ''), nth_sent) as sent_values,
    max_by(report_date_code, nth_sent) as last_report_date_code,
    max(report_date) as last_report_date
from sent
group by reporter_code, record_type, subject_id
