-- What the events of the submission ledger mean: the states of runs, files and records
-- (life cycle, section 3). Read by the commands and, in schema marts, by analysts. The states are
-- tables: every view over records reads them, and its plan stays short.

-- One row per run (month and cut-off) with a build: its newest build, and the newest decision.
-- A decision counts while build and files are those that it names. A released run stays released.
create table submission.run_states as
with of_runs as (
    select *
    from marts.submission_events
    where
        event in ('BUILT', 'APPROVED', 'DECLINED', 'RELEASED')
        and built_name is null
        and reference is null
),

newest as (
    select
        report_month,
        as_of,
        max_by(run_id, batch) filter (where event = 'BUILT') as run_id,
        max_by(sha256, batch) filter (where event = 'BUILT') as files_digest,
        max("at") filter (where event = 'BUILT') as built_at,
        coalesce(
            max_by(json_extract_string(details, '$.is_supplement'), batch)
                filter (where event = 'BUILT'),
            'false'
        ) = 'true' as is_supplement,
        max_by(event, batch) filter (where event in ('APPROVED', 'DECLINED')) as decision,
        max_by(actor, batch) filter (where event in ('APPROVED', 'DECLINED')) as decided_by,
        max("at") filter (where event in ('APPROVED', 'DECLINED')) as decided_at,
        max_by(run_id, batch) filter (where event in ('APPROVED', 'DECLINED'))
            as decision_run_id,
        max_by(sha256, batch) filter (where event in ('APPROVED', 'DECLINED'))
            as decision_digest,
        max_by(json_extract_string(details, '$.reason'), batch)
            filter (where event in ('APPROVED', 'DECLINED')) as reason,
        min("at") filter (where event = 'RELEASED') as released_at
    from of_runs
    group by report_month, as_of
),

builders as (
    select
        report_month,
        as_of,
        run_id,
        list(distinct actor order by actor) as builders
    from of_runs
    where event = 'BUILT'
    group by all
)

select
    newest.*,
    -- the name of its folders: the month, of a supplement with its cut-off
    strftime(newest.report_month, '%Y-%m')
    || case when newest.is_supplement then strftime(newest.as_of, '@%Y%m%dT%H%M%S') else '' end
        as label,
    builders.builders,
    -- whether the newest decision approves this build; a month delivered by hand needs none
    coalesce(
        newest.decision = 'APPROVED'
        and newest.decision_run_id = newest.run_id
        and newest.decision_digest = newest.files_digest,
        false
    ) as is_approved,
    case
        when newest.released_at is not null then 'RELEASED'
        when newest.decision_run_id = newest.run_id and newest.decision_digest = newest.files_digest
            then newest.decision
        else 'BUILT'
    end as state
from newest
inner join builders
    on newest.report_month = builders.report_month
    and newest.as_of = builders.as_of
    and newest.run_id = builders.run_id;

-- One row per released file, as it was sent last: a file refused whole may be sent again under
-- another name. An answer proves delivery.
create table submission.file_states as
with sent as (
    select
        reporter_code,
        built_name,
        report_month,
        as_of,
        run_id,
        file_name,
        batch,
        "at" as released_at,
        sha256,
        bytes,
        records,
        sealed_sha256,
        sealed_bytes
    from marts.submission_events
    where
        event = 'RELEASED'
        and built_name is not null
    qualify row_number() over (partition by reporter_code, built_name order by batch desc) = 1
),

later as (
    select
        sent.reporter_code,
        sent.file_name,
        min(events."at") filter (where events.event = 'DELIVERED') as delivered_at,
        max_by(events.event, events.batch) filter (where events.event <> 'DELIVERED') as answer,
        max(events.batch) filter (where events.event <> 'DELIVERED') as answer_batch,
        max(events."at") filter (where events.event <> 'DELIVERED') as answered_at,
        max_by(events.code, events.batch) filter (where events.event <> 'DELIVERED') as code
    from sent
    inner join marts.submission_events as events
        on sent.reporter_code = events.reporter_code
        and sent.file_name = events.file_name
        and sent.batch < events.batch
        and events.event in ('DELIVERED', 'ANSWERED', 'REFUSED')
    group by all
)

select
    sent.*,
    coalesce(runs.label, strftime(sent.report_month, '%Y-%m')) as label,
    later.delivered_at,
    later.answered_at,
    later.answer_batch,
    case when later.answer = 'REFUSED' then later.code end as refusal_code,
    coalesce(later.answer, case when later.delivered_at is not null then 'DELIVERED' end, 'RELEASED')
        as state
from sent
left join submission.run_states as runs
    on sent.report_month = runs.report_month
    and sent.as_of = runs.as_of
left join later
    on sent.reporter_code = later.reporter_code
    and sent.file_name = later.file_name;

-- One row per record that the newest answer to its file rejects, with the code of the first message.
create table submission.rejections as
select
    events.record_id,
    min_by(events.code, events.position) as feedback_code,
    min(events."at") as rejected_at
from marts.submission_events as events
inner join submission.file_states as files
    on events.batch = files.answer_batch
    and events.reporter_code = files.reporter_code
    and events.file_name = files.file_name
where events.event = 'REJECTED'
group by events.record_id;

-- What persons did: decisions, releases, answers by hand (REQ-26).
create view marts.audit_log as
select
    "at",
    actor,
    event,
    report_month,
    as_of,
    run_id,
    reporter_code,
    file_name,
    sha256,
    json_extract_string(details, '$.reason') as reason,
    details,
    batch,
    position
from marts.submission_events
where
    event in ('APPROVED', 'DECLINED')
    or (event = 'RELEASED' and built_name is null and reference is null)
    or (event in ('ANSWERED', 'REFUSED') and json_extract_string(details, '$.by_hand') is not null);
