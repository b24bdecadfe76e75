-- One row per institution, record type and subject with a record of an earlier run that counts as
-- sent: the hashes of the segments as last sent, whatever they were about.
with sent as (
    select
        *,
        row_number() over (
            partition by reporter_code, record_type, subject_id
            order by report_month, report_date
        ) as nth_sent
    from {{ source('history', 'submission_records') }}
    where state in {{ sent_states() }}
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
    max_by(report_date_code, nth_sent) as last_report_date_code
from sent
where record_type <> '210'
group by reporter_code, record_type, subject_id
