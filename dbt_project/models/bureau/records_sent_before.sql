-- One row per institution, record type and subject with a record of an earlier month that counts as
-- sent: the hashes of the segments as last sent.
select
    reporter_code,
    record_type,
    subject_id,
    {%- for segment in ['B', 'C', 'F', 'D', 'FCS', 'SPS', 'EDU', 'OCTPN', 'REDNC', 'MLG'] %}
    max_by(
        {{ segment_hash(segment) }},
        case when {{ segment_hash(segment) }} is not null then report_date end
    ) as sent_{{ segment | lower }},
    {%- endfor %}
    max_by(report_date_code, report_date) as last_report_date_code
from {{ source('history', 'submission_records') }}
where state in {{ sent_states() }}
group by reporter_code, record_type, subject_id
