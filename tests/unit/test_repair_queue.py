"""``marts.repair_queue``: a rejected record waits until there is nothing to repair any more."""

import duckdb
import pytest
from support.submission_views import REJECTED, statements_of

# An agreement of which the bureau rejected a record; the newest run has read up to batch 10.
STORE = """
    create schema marts;
    create schema submission;
    create table marts.runs as from (values
        (date '2026-05-01', timestamp '2026-06-03', 5),
        (date '2026-06-01', timestamp '2026-07-03', 10)) as runs(report_month, as_of, ledger_upto);
    create table submission.file_states (
        reporter_code varchar, file_name varchar, built_name varchar, answer_batch bigint);
    create table marts.submission_events (
        event varchar, batch bigint, reporter_code varchar, file_name varchar, built_name varchar,
        record_id varchar, code varchar, details varchar);
    insert into marts.submission_events (event, reporter_code, built_name)
        values ('RELEASED', 'R1', 'may'), ('REJECTED', 'R1', null);
    create table marts.submission_records (
        report_month date, as_of timestamp, record_id varchar, record_type varchar,
        reporter_code varchar, subject_id varchar, account_id varchar, report_date date,
        file_name varchar, state varchar, feedback_code varchar, answered_at timestamp);
    insert into marts.submission_records values
        ('2026-05-01', '2026-06-03', 'limit', '220', 'R1', 'A1', null, '2026-05-31', 'may',
         'REJECTED', 'ABR006', '2026-06-05');
    create table marts.pending_now (account_id varchar, pending_month date);
    create table marts.feedback_codes (
        code varchar, rule_id varchar, meaning varchar, usual_cause varchar, what_to_do varchar,
        owner varchar);
    create table marts.bureau_rules (rule_id varchar);
    create table marts.check_guide (
        check_pattern varchar, position integer, what_to_do varchar, owner varchar);
    create table population as from (values
        (date '2026-06-01', 'A1', 'C1', true), (date '2026-06-01', 'A2', 'C2', false))
        as population(report_month, account_id, customer_id, is_reportable);
    create table withheld (
        report_month date, record_id varchar, record_type varchar, reporter_code varchar,
        subject_id varchar, account_id varchar, report_date date, rule_id varchar, sentence varchar,
        faulty_elements varchar, usual_cause varchar, first_withheld_in date);
"""
# An account-month that June's run withheld; what a supplement of May said of it meanwhile is asked.
WITHHELD = """
    insert into withheld (report_month, record_id, record_type, account_id, report_date)
        values ('2026-06-01', 'may', '210', 'A1', '2026-05-31');
    insert into marts.submission_records
        values ('2026-05-01', '2026-06-12', 'sent', '210', 'R1', 'A1', 'A1', '2026-05-31', null,
            '{}', null, null)
"""
JUNE = "('2026-06-01', '2026-07-03', 'later', '220', 'R1', 'A1', null, '2026-06-30'"


@pytest.mark.parametrize(
    ("answered_in", "said_in_june", "is_waiting"),
    [
        pytest.param(8, "", False, id="the newest run has nothing to say any more"),
        pytest.param(8, f"{JUNE}, null, 'WITHHELD', null, null)", True, id="withheld again"),
        pytest.param(8, f"{JUNE}, 'june', 'BUILT', null, null)", True, id="in a file that waits"),
        pytest.param(12, "", True, id="rejected since the newest run"),
        pytest.param(8, "A2", True, id="the newest run may not name the account"),
    ],
)
def test_a_rejected_limit_is_to_be_repaired_while_something_is_to_be_said(
    answered_in: int, said_in_june: str, is_waiting: bool
) -> None:
    with duckdb.connect() as connection:
        connection.execute(STORE)
        connection.execute(
            "insert into submission.file_states values ('R1', 'may', 'may', ?)", [answered_in]
        )
        if said_in_june == "A2":
            connection.execute("update marts.submission_records set subject_id = 'A2'")
        elif said_in_june:
            connection.execute(f"insert into marts.submission_records values {said_in_june}")
        assert queue(connection) == (["limit"] if is_waiting else [])


@pytest.mark.parametrize(
    ("state", "is_waiting"), [("BUILT", True), ("REJECTED", True), ("RELEASED", False)]
)
def test_a_withheld_month_is_to_be_repaired_until_a_supplement_has_sent_it(
    state: str, is_waiting: bool
) -> None:
    with duckdb.connect() as connection:
        connection.execute(STORE)
        connection.execute(WITHHELD.format(state))
        assert queue(connection) == (["may"] if is_waiting else [])


def queue(connection: duckdb.DuckDBPyConnection) -> list[str]:
    places = {"repair_queue": "withheld", "reportable_population": "population"}
    relations = statements_of(*REJECTED, "submission.repair_queue_now")
    connection.execute(relations.format(**places, repair_days=10))
    rows = connection.execute("select record_id from submission.repair_queue_now").fetchall()
    return [record_id for (record_id,) in rows]
