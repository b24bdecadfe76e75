-- The files of the newest build of the run, and how far each came.
select
    built.reporter_code,
    coalesce(sent.file_name, built.built_name) as file_name,
    built.records,
    built.bytes,
    built.sha256,
    coalesce(sent.state, 'BUILT') as state
from marts.submission_events as built
left join submission.file_states as sent
    on built.reporter_code = sent.reporter_code
    and built.report_month = sent.report_month
    and built.as_of = sent.as_of
    and built.built_name = sent.built_name
where
    built.event = 'BUILT'
    and built.built_name is not null
    and built.batch = (
        select max(batch)
        from marts.submission_events
        where event = 'BUILT' and run_id = $run_id
    )
order by built.reporter_code, file_name;
