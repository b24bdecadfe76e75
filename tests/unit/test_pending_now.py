"""``marts.pending_now``: pending after the newest run, or rejected since it read the answers."""

import duckdb
from support.submission_views import REJECTED, statements_of

STORE = """
    create schema marts;
    create schema submission;
    create table marts.runs as from (values
        (date '2026-05-01', timestamp '2026-06-03', 5),
        (date '2026-05-01', timestamp '2026-06-12', 10)) as runs(report_month, as_of, ledger_upto);
    create table months_owed as from (values
        (date '2026-04-01', 'A8', date '2026-04-01', 'WITHHELD'),
        (date '2026-05-01', 'A5', date '2026-05-01', 'WITHHELD'),
        (date '2026-05-01', 'A1', date '2026-05-01', 'WITHHELD'))
        as owed(report_month, account_id, owed_month, held_back_by);
    create table marts.submission_events as select 'REJECTED' as event;
    create table submission.file_states as from (values
        ('R1', 'first', 8), ('R1', 'second', 12), ('R1', 'third', null))
        as files(reporter_code, file_name, answer_batch);
    create table marts.submission_records as from (values
        ('A1', 'first', 'REJECTED'), ('A1', null, 'WITHHELD'), ('A2', 'second', 'REJECTED'),
        ('A3', 'first', 'REJECTED'), ('A4', 'second', 'REJECTED'), ('A4', 'third', 'RELEASED'),
        ('A5', 'third', 'RELEASED'))
        as records(account_id, file_name, state);
    alter table marts.submission_records add column reporter_code varchar default 'R1';
    alter table marts.submission_records add column record_type varchar default '210';
    alter table marts.submission_records add column subject_id varchar;
    alter table marts.submission_records add column record_id varchar;
    alter table marts.submission_records add column report_month date default '2026-05-01';
    alter table marts.submission_records add column report_date date default '2026-05-31';
"""


def test_what_is_pending_now_was_left_by_the_newest_run_or_rejected_since() -> None:
    with duckdb.connect() as connection:
        connection.execute(STORE)
        relations = statements_of(*REJECTED, "marts.pending_now")
        connection.execute(relations.format(months_owed="months_owed"))
        found = connection.execute(
            "select account_id, held_back_by from marts.pending_now order by all"
        ).fetchall()
    # A3: rejected when the newest run read the answers, and dropped by it; A4 and A5: sent since
    assert found == [("A1", "WITHHELD"), ("A2", "REJECTED")]
