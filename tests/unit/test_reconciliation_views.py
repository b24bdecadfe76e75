"""Steps 5 and 6 of the reconciliation: what the bureau said of the files, and what it holds."""

from pathlib import Path

import duckdb
import pytest

from reporting.store import published_database

VIEWS = Path(published_database.__file__).with_name("reconciliation_views.sql")

# May's own run, a supplement of it and June's run. A file of May is answered with two rejections,
# one of them repaired by the supplement and one by June; June is not answered yet.
RECORDS = """
create schema marts;
create schema submission;
create table marts.submission_records as select
    month::date as report_month, cut_off::timestamp as as_of, 'R' as reporter_code, record_type,
    account_id, about::date as report_date, state, code as feedback_code, balance as acct_bal,
    overdue as tot_overd, cut_off = '2026-06-20' as is_supplement
from (values
    ('2026-05-01', '2026-06-03', '210', 'A1', '2026-05-31', 'ACCEPTED', null, 10, 0),
    ('2026-05-01', '2026-06-03', '210', 'A2', '2026-05-31', 'REJECTED', 'X1', 20, 5),
    ('2026-05-01', '2026-06-03', '210', 'A3', '2026-05-31', 'REJECTED', 'X2', 30, 6),
    ('2026-05-01', '2026-06-03', '210', 'A4', '2026-04-30', 'ACCEPTED', null, 40, 0),
    ('2026-05-01', '2026-06-03', '110', null, '2026-05-31', 'ACCEPTED', null, null, null),
    ('2026-05-01', '2026-06-03', '210', 'A5', '2026-05-31', 'WITHHELD', null, 50, 0),
    ('2026-05-01', '2026-06-20', '210', 'A2', '2026-05-31', 'ACCEPTED', null, 21, 5),
    ('2026-06-01', '2026-07-03', '210', 'A3', '2026-05-31', 'RELEASED', null, 31, 6),
    ('2026-06-01', '2026-07-03', '210', 'A1', '2026-06-30', 'RELEASED', null, 11, 0)
) as records (month, cut_off, record_type, account_id, about, state, code, balance, overdue);

create table marts.as_reported as select
    reporter_code, account_id, date_trunc('month', report_date)::date as report_month, acct_bal,
    tot_overd
from marts.submission_records where record_type = '210' and state in ('RELEASED', 'ACCEPTED');

create table stored as select
    report_month, as_of, 4 as step_number, 'file' as step, reporter_code,
    null::varchar as product_code, record_type, null::varchar as account_group,
    null::varchar as repayment_status, 'total' as part, 'lines' as item, count(*) as accounts,
    sum(acct_bal)::decimal(38, 2) as balance, sum(tot_overd)::decimal(38, 2) as overdue,
    true as is_closed
from marts.submission_records where state <> 'WITHHELD' group by all;
"""


@pytest.fixture
def bureau() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(RECORDS)
    return connection


def rows(connection: duckdb.DuckDBPyConnection, step: str) -> set[tuple[object, ...]]:
    connection.execute(VIEWS.read_text(encoding="utf-8").format(reconciliation="stored"))
    return set(
        connection.execute(
            "select strftime(report_month, '%m') || coalesce(strftime(as_of, ' %m-%d'), ''), "
            "record_type, item, accounts, balance::int, overdue::int, is_closed "
            "from marts.reconciliation where step = ?",
            [step],
        ).fetchall()
    )


def test_every_record_in_a_file_is_accepted_rejected_or_unanswered(
    bureau: duckdb.DuckDBPyConnection,
) -> None:
    assert rows(bureau, "answered") == {
        ("05 06-03", "210", "records", 4, 100, 11, True),
        ("05 06-03", "210", "accepted", 2, 50, 0, True),
        ("05 06-03", "210", "rejected X1", 1, 20, 5, True),
        ("05 06-03", "210", "rejected X2", 1, 30, 6, True),
        ("05 06-03", "110", "records", 1, None, None, True),
        ("05 06-03", "110", "accepted", 1, None, None, True),
        ("05 06-20", "210", "records", 1, 21, 5, True),
        ("05 06-20", "210", "accepted", 1, 21, 5, True),
        ("06 07-03", "210", "records", 2, 42, 6, True),
        ("06 07-03", "210", "unanswered", 2, 42, 6, True),
    }


def test_what_the_bureau_holds_about_a_month_comes_from_its_own_run_and_later_ones(
    bureau: duckdb.DuckDBPyConnection,
) -> None:
    assert rows(bureau, "held") == {
        ("04", "210", "files of other runs", 1, 40, 0, True),
        ("04", "210", "held", 1, 40, 0, True),
        ("05", "210", "files of the month", 3, 60, 11, True),
        ("05", "210", "rejected", -2, -50, -11, True),
        ("05", "210", "files of other runs", 2, 52, 11, True),
        ("05", "210", "held", 3, 62, 11, True),
        ("06", "210", "files of the month", 1, 11, 0, True),
        ("06", "210", "held", 1, 11, 0, True),
    }


@pytest.mark.parametrize(
    ("spoil", "step", "months"),
    [
        (
            "delete from marts.submission_records where account_id = 'A1' and state = 'ACCEPTED'",
            "answered",
            {"05 06-03"},
        ),
        ("update marts.as_reported set acct_bal = 32 where account_id = 'A3'", "held", {"05"}),
    ],
)
def test_what_is_lost_does_not_close(
    bureau: duckdb.DuckDBPyConnection, spoil: str, step: str, months: set[str]
) -> None:
    bureau.execute(spoil)
    assert {row[0] for row in rows(bureau, step) if not row[-1]} == months
