-- The journals of all runs, joined with what the ledger knows of them (life cycle, sections 3.3, 6
-- and 14.4). Braces stand for the published tables.

-- One row per record of a run, with its state today.
create view marts.submission_records as
with first_version as (  -- columns that journals of older versions lack
    select
        cast(null as timestamp) as as_of,
        cast(null as varchar) as month,
        cast(null as date) as sett_date,
        cast(null as varchar) as acct_status,
        cast(null as bigint) as acct_bal,
        cast(null as bigint) as rem_rep_prd,
        cast(null as varchar) as five_cate,
        cast(null as date) as five_cate_adj_date,
        cast(null as varchar) as rpy_status,
        cast(null as bigint) as overd_prd,
        cast(null as bigint) as tot_overd,
        cast(null as bigint) as overd_princ,
        cast(null as bigint) as oved31_60,
        cast(null as bigint) as oved61_90,
        cast(null as bigint) as oved91_180,
        cast(null as bigint) as oved180,
        cast(null as bigint) as cur_rpy_amt,
        cast(null as bigint) as act_rpy_amt,
        cast(null as date) as lat_rpy_date,
        cast(null as date) as close_date
    where false
),

records as (
    select * from first_version
    union all by name
    select * from {submission_records}
),

journals as (
    select
        records.* replace (coalesce(records.as_of, months.as_of) as as_of),
        coalesce(records.as_of <> months.as_of, false) as is_supplement
    from records
    inner join {built_months} as months
        on records.report_month = months.report_month
)

select
    journals.* exclude (state, file_name, released_at, feedback_code),
    coalesce(files.file_name, journals.file_name) as file_name,
    case
        when journals.state = 'WITHHELD' then 'WITHHELD'
        when files.file_name is null then 'BUILT'
        when files.state = 'REFUSED' or rejections.record_id is not null then 'REJECTED'
        when files.state = 'ANSWERED' then 'ACCEPTED'
        else 'RELEASED'
    end as state,
    files.released_at,
    files.delivered_at,
    files.answered_at,
    case
        when journals.state <> 'WITHHELD'
            then coalesce(rejections.feedback_code, files.refusal_code)
    end as feedback_code
from journals
left join submission.file_states as files
    on journals.reporter_code = files.reporter_code
    and journals.file_name = files.built_name
    and journals.report_month = files.report_month
    and journals.as_of = files.as_of
-- by the key alone: with a condition beside it every record is compared with every rejection
left join submission.rejections as rejections on journals.record_id = rejections.record_id;

-- The records that the bureau rejected, by a message or with their whole file; the journals are not
-- searched for them where it rejected nothing.
create view submission.rejected_records_now as
select
    report_month,
    record_id,
    record_type,
    reporter_code,
    subject_id,
    account_id,
    cast(date_trunc('month', report_date) as date) as about_month,
    file_name
from marts.submission_records
where
    state = 'REJECTED'
    and exists (select 1 from marts.submission_events where event in ('REJECTED', 'REFUSED'))
order by all;

-- The same as a table, so that the journals are searched once: mostly few beside all that was ever
-- sent. It is filled again after each event that changes the state of a record, as are all tables
-- beside a view of their name with "_now".
create table submission.rejected_records as
select * from submission.rejected_records_now;

-- One row per run: its cut-off, its run id and the build it rests on.
create view marts.runs as
with first_version as (  -- columns that months of older versions lack
    select
        cast(null as bigint) as ledger_upto,
        cast(null as varchar) as bureau_digest,
        cast(null as boolean) as is_supplement
    where false
),

own_runs as (
    select * from first_version
    union all by name
    select * from {built_months}
),

every_run as (
    select * from own_runs
    union all by name
    select * from {runs}
)

select
    report_month,
    as_of,
    run_id,
    built_on,
    coalesce(is_supplement, false) as is_supplement,
    coalesce(ledger_upto, 0) as ledger_upto,
    coalesce(bureau_digest, '') as bureau_digest
from every_run;

-- One row per run: the figures of its records. No act changes them, so all months are counted when
-- the database is written from nothing, and not with each act. An amount is summed over the records
-- about the month itself: a run also sends pending months, of the same accounts.
create table submission.run_figures as
with counted as (
    select
        report_month,
        as_of,
        count(*) as records,
        count(*) filter (where state = 'WITHHELD') as withheld,
        count(distinct subject_id) filter (where record_type = '210' and state <> 'WITHHELD')
            as reported,
        sum(overdue_total) filter (
            where record_type = '210' and state <> 'WITHHELD' and report_date >= report_month
        ) as overdue_total,
        count(*) filter (
            where
                record_type = '210'
                and state <> 'WITHHELD'
                and report_date_code in ('10', '31')
        ) as first_reports,
        count(*) filter (
            where record_type = '210' and state <> 'WITHHELD' and report_date_code in ('20', '32')
        ) as closings
    from marts.submission_records
    group by all
)

select
    runs.report_month,
    runs.as_of,
    runs.is_supplement,
    coalesce(counted.records, 0) as records,  -- a month may have none
    coalesce(counted.withheld, 0) as withheld,
    coalesce(counted.reported, 0) as reported,
    coalesce(counted.overdue_total, 0) as overdue_total,
    coalesce(counted.first_reports, 0) as first_reports,
    coalesce(counted.closings, 0) as closings
from marts.runs
left join counted
    on runs.report_month = counted.report_month
    and runs.as_of = counted.as_of
order by all;

create view marts.run_figures as
select * from submission.run_figures;

-- One row per institution and run: how far it came, who built and approved it, and the answers.
create view marts.submissions as
with records as (
    select
        reporter_code,
        report_month,
        as_of,
        count(distinct file_name) as files,
        count(*) as records,
        count(*) filter (where state = 'ACCEPTED') as accepted,
        count(*) filter (where state = 'REJECTED') as rejected,
        count(*) filter (where state = 'RELEASED') as unanswered
    from marts.submission_records
    where state <> 'WITHHELD'
    group by all
),

files as (
    select
        reporter_code,
        report_month,
        as_of,
        max(delivered_at) as delivered_at,
        max(answered_at) as answered_at
    from submission.file_states
    group by all
)

select
    records.reporter_code,
    records.report_month,
    records.as_of,
    coalesce(states.state, 'BUILT') as state,
    array_to_string(states.builders, ', ') as built_by,
    states.built_at,
    case when states.is_approved then states.decided_by end as approved_by,
    case when states.is_approved then states.decided_at end as approved_at,
    states.released_at,
    files.delivered_at,
    files.answered_at,
    records.files,
    records.records,
    records.accepted,
    records.rejected,
    records.unanswered
from records
left join submission.run_states as states
    on records.report_month = states.report_month
    and records.as_of = states.as_of
left join files
    on records.reporter_code = files.reporter_code
    and records.report_month = files.report_month
    and records.as_of = files.as_of;

-- One row per institution, account and month about which a record 210 is sent: what the bureau was
-- told, in whole yuan. The month is that of the report date.
create view marts.as_reported as
select
    reporter_code,
    account_id,
    cast(date_trunc('month', report_date) as date) as report_month,
    report_date,
    report_date_code,
    month,
    sett_date,
    acct_status,
    acct_bal,
    rem_rep_prd,
    five_cate,
    five_cate_adj_date,
    rpy_status,
    overd_prd,
    tot_overd,
    overd_princ,
    oved31_60,
    oved61_90,
    oved91_180,
    oved180,
    cur_rpy_amt,
    act_rpy_amt,
    lat_rpy_date,
    close_date,
    record_id,
    as_of,
    released_at as sent_at,
    state = 'ACCEPTED' as is_accepted
from marts.submission_records
where
    record_type = '210'
    and state in ('RELEASED', 'ACCEPTED');

-- One row per account-month that is pending today: pending after the newest run and not sent since
-- (by a supplement of the month before), or rejected since.
create view marts.pending_now as
with newest as (
    select
        report_month,
        ledger_upto
    from marts.runs
    order by report_month desc, as_of desc
    limit 1
),

pending as (
    select
        account_id,
        owed_month as pending_month,
        held_back_by
    from {months_owed}
    where report_month = (select newest.report_month from newest)
),

records as (  -- all about accounts that are pending or were ever rejected: the journals are read once
    select
        account_id,
        cast(date_trunc('month', report_date) as date) as pending_month,
        reporter_code,
        file_name,
        state
    from marts.submission_records
    where
        record_type = '210'
        and account_id in (
            select pending.account_id from pending
            union
            select ever.account_id from submission.rejected_records as ever
            where ever.record_type = '210'
        )
),

sent as (
    select distinct
        account_id,
        pending_month
    from records
    where state in ('RELEASED', 'ACCEPTED')
),

rejected as (  -- what the newest run had read is in its pending months, or was dropped by it
    select
        records.account_id,
        records.pending_month,
        'REJECTED' as held_back_by
    from records
    left join submission.file_states as files
        on records.reporter_code = files.reporter_code
        and records.file_name = files.file_name
    group by all
    having
        bool_or(
            records.state = 'REJECTED'
            and files.answer_batch > (select newest.ledger_upto from newest)
        )
        and not bool_or(records.state in ('BUILT', 'RELEASED', 'ACCEPTED'))
)

select pending.*
from pending
anti join sent
    on pending.account_id = sent.account_id
    and pending.pending_month = sent.pending_month
union
select rejected.*
from rejected
anti join pending
    on rejected.account_id = pending.account_id
    and rejected.pending_month = pending.pending_month;

-- What must be repaired: of a record that the newest run of a month withheld one row per rule that
-- it fails; of a rejected one a row per code of the answer, until the record is sent again or its
-- month is dropped (life cycle, section 5). An account-month is sent again about the same month, a
-- person or an agreement about any day; of these, nothing is to be repaired once a run has read the
-- rejection, may name them, and has nothing to say any more, as of a limit that went back.
create view submission.repair_queue_now as
with rejected as (
    select distinct
        record_type,
        reporter_code,
        subject_id,
        case when record_type = '210' then about_month end as about
    from submission.rejected_records
),

withheld as (
    select *
    from {repair_queue}
),

records as (  -- all about what was ever rejected or withheld: the journals are read once
    select *
    from marts.submission_records
    where
        subject_id in (
            select rejected.subject_id from rejected
            union
            select withheld.account_id from withheld
            where withheld.account_id is not null
        )
),

refused_before as (  -- a file is sent again with the same bytes only after it was refused whole
    select
        files.reporter_code,
        files.file_name,
        files.answer_batch,
        count(*) - 1 as times
    from submission.file_states as files
    inner join marts.submission_events as events
        on files.reporter_code = events.reporter_code
        and files.built_name = events.built_name
        and events.event = 'RELEASED'
    group by all
),

counted as (
    select
        in_files.*,
        rejected.about,
        refused_before.answer_batch,
        sum(refused_before.times + cast(in_files.state = 'REJECTED' as integer))
            over of_subject as times_rejected
    from records as in_files
    inner join refused_before
        on in_files.reporter_code = refused_before.reporter_code
        and in_files.file_name = refused_before.file_name
    inner join rejected
        on in_files.record_type = rejected.record_type
        and in_files.reporter_code = rejected.reporter_code
        and in_files.subject_id = rejected.subject_id
        and coalesce(rejected.about, date_trunc('month', in_files.report_date))
        = date_trunc('month', in_files.report_date)
    where in_files.state in ('RELEASED', 'ACCEPTED', 'REJECTED')
    window of_subject as (
        partition by
            rejected.record_type, rejected.reporter_code, rejected.subject_id, rejected.about
    )
    qualify
        row_number() over (
            of_subject
            order by in_files.as_of desc, in_files.report_month desc, in_files.report_date desc
        ) = 1
),

messages as (
    select
        events.record_id,
        events.code,
        string_agg(distinct json_extract_string(events.details, '$.tag'), ', ') as tags
    from marts.submission_events as events
    inner join submission.file_states as files
        on events.batch = files.answer_batch
        and events.reporter_code = files.reporter_code
        and events.file_name = files.file_name
    where events.event = 'REJECTED'
    group by all
),

sent_again as (  -- the account-months that will be sent again, or are in a file that waits
    select
        account_id,
        pending_month as about
    from marts.pending_now
    union
    select
        records.account_id,
        rejected.about
    from records
    inner join rejected
        on records.record_type = rejected.record_type
        and records.subject_id = rejected.subject_id
        and date_trunc('month', records.report_date) = rejected.about
    where
        records.record_type = '210'
        and records.state = 'BUILT'
),

newest as (
    select
        report_month,
        as_of,
        ledger_upto
    from marts.runs
    order by report_month desc, as_of desc
    limit 1
),

said_now as (  -- the persons and agreements of which the newest run says something, or would
    select distinct
        records.record_type,
        records.reporter_code,
        records.subject_id
    from records
    semi join newest
        on records.report_month = newest.report_month
        and records.as_of = newest.as_of
    semi join rejected
        on records.record_type = rejected.record_type
        and records.reporter_code = rejected.reporter_code
        and records.subject_id = rejected.subject_id
    where records.record_type in ('110', '220')
),

named_now as (  -- of whom the newest run may speak
    select account_id as subject_id
    from {reportable_population}
    where
        is_reportable
        and report_month = (select newest.report_month from newest)
        and account_id in (select rejected.subject_id from rejected)
    union
    select customer_id
    from {reportable_population}
    where
        is_reportable
        and report_month = (select newest.report_month from newest)
        and customer_id in (select rejected.subject_id from rejected)
),

coded as (
    select
        counted.* exclude (feedback_code),
        coalesce(messages.code, counted.feedback_code) as feedback_code,
        messages.tags
    from counted
    left join messages on counted.record_id = messages.record_id
    left join sent_again
        on counted.account_id = sent_again.account_id
        and counted.about = sent_again.about
    left join said_now
        on counted.record_type = said_now.record_type
        and counted.reporter_code = said_now.reporter_code
        and counted.subject_id = said_now.subject_id
    left join named_now on counted.subject_id = named_now.subject_id
    where
        counted.state = 'REJECTED'
        and (
            sent_again.account_id is not null
            or said_now.subject_id is not null
            or (
                counted.record_type <> '210'
                and (
                    counted.answer_batch > (select newest.ledger_upto from newest)
                    or named_now.subject_id is null
                )
            )
        )
),

described as (  -- the longest beginning of a code that is described
    select
        codes.feedback_code,
        known.*
    from (select distinct feedback_code from coded) as codes
    inner join marts.feedback_codes as known on starts_with(codes.feedback_code, known.code)
    qualify
        row_number() over (partition by codes.feedback_code order by length(known.code) desc) = 1
),

sent_since as (  -- the account-months of withheld records that a later file holds
    select distinct
        records.record_type,
        records.account_id,
        date_trunc('month', records.report_date) as about
    from records
    semi join withheld on records.account_id = withheld.account_id
    where
        records.record_type = '210'
        and records.state in ('RELEASED', 'ACCEPTED')
),

guide as (  -- who acts on a rule, and how: the first entry of the check guide that fits
    select
        rules.rule_id,
        arg_min(entries.what_to_do, entries.position) as what_to_do,
        arg_min(entries.owner, entries.position) as owner
    from marts.bureau_rules as rules
    inner join marts.check_guide as entries
        on 'bureau.' || rules.rule_id glob entries.check_pattern
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
    withheld.rule_id,
    withheld.sentence,
    withheld.faulty_elements,
    withheld.usual_cause,
    withheld.first_withheld_in,
    'WITHHELD' as cause,
    cast(null as varchar) as feedback_code,
    cast(null as timestamp) as rejected_at,
    cast(null as date) as due_on,
    cast(null as bigint) as times_rejected,
    guide.what_to_do,
    guide.owner
from withheld
left join guide on withheld.rule_id = guide.rule_id
anti join sent_since
    on withheld.record_type = sent_since.record_type
    and withheld.account_id = sent_since.account_id
    and date_trunc('month', withheld.report_date) = sent_since.about
union all
select
    coded.report_month,
    coded.record_id,
    coded.record_type,
    coded.reporter_code,
    coded.subject_id,
    coded.account_id,
    coded.report_date,
    described.rule_id,
    coalesce(described.meaning, 'the code is not described') as sentence,
    coded.tags as faulty_elements,
    described.usual_cause,
    cast(null as date) as first_withheld_in,
    'REJECTED' as cause,
    coded.feedback_code,
    coded.answered_at as rejected_at,
    cast(coded.answered_at as date) + {repair_days} as due_on,
    cast(coded.times_rejected as bigint) as times_rejected,
    coalesce(described.what_to_do, 'ask the bureau, and add the code to feedback_codes.csv')
        as what_to_do,
    coalesce(described.owner, 'pipeline') as owner
from coded
left join described on coded.feedback_code = described.feedback_code
order by all;

create table submission.repair_queue as
select * from submission.repair_queue_now;

create view marts.repair_queue as
select * from submission.repair_queue;
