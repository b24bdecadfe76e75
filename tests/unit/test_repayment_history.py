"""The history strings on a handful of records: from the month before, and read anew."""

from collections.abc import Iterator

import duckdb
import pytest

from reporting.records.earlier_months import query

STORE = """
create schema history; create schema marts;
create table marts.built_months as select date '2026-05-01' as report_month;
create table marts.reportable_population as select * from (values
    ('A1', date '2026-05-01'), ('A2', date '2026-05-01'), ('A3', date '2026-05-01'),
    ('A3', date '2026-04-01'), ('A4', date '2026-05-01'))
    as population (account_id, report_month);
create table marts.submission_records (account_id varchar, record_type varchar, state varchar,
    report_month date, report_date date, repayment_status varchar);
create table history.journals as from marts.submission_records;
insert into history.journals values
    ('A1', '210', 'ACCEPTED', '2021-05-01', '2021-05-31', '5'),  -- 60 months ago: too old
    ('A1', '210', 'ACCEPTED', '2021-06-01', '2021-06-30', '*'),
    ('A1', '210', 'ACCEPTED', '2024-06-01', '2024-06-30', 'M'),
    ('A1', '210', 'REJECTED', '2026-02-01', '2026-02-28', '1'),
    ('A1', '210', 'WITHHELD', '2026-03-01', '2026-03-31', '2'),
    ('A1', '210', 'RELEASED', '2026-04-01', '2026-04-30', '1'),
    ('A1', '110', 'RELEASED', '2026-04-01', '2026-04-30', 'X'),
    ('A4', '210', 'ACCEPTED', '2026-03-01', '2026-03-31', '3'),  -- April has no string of A4
    ('A4', '210', 'ACCEPTED', '2026-04-01', '2026-03-31', '4');
insert into marts.submission_records values
    ('A1', '210', 'BUILT', '2026-05-01', '2026-02-28', '3'),     -- sent at last
    ('A1', '210', 'BUILT', '2026-05-01', '2026-04-30', 'N'),     -- newer than the released one
    ('A1', '210', 'BUILT', '2026-05-01', '2026-05-31', 'C'),
    ('A2', '210', 'WITHHELD', '2026-05-01', '2026-05-31', '2');
create table history.accounts_known as select distinct account_id from history.journals;
create table history.repayment_history (account_id varchar, history_60 varchar);
"""
# A1 in April: 60 months ago from May, then June 2021, three years to June 2024, then April 2026
APRIL = "5*" + "-" * 35 + "M" + "-" * 21 + "1"


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(STORE)
        yield connection


def anew(store: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The strings of April that are read from all records."""
    rows = store.execute(query("repayment_history_anew")).fetchall()
    return dict(rows)


def test_the_newest_sent_record_about_a_month_counts(store: duckdb.DuckDBPyConnection) -> None:
    assert anew(store) == {"A1": APRIL, "A4": "-" * 58 + "4-"}
    store.execute(
        f"create table history.repayment_history_anew as {query('repayment_history_anew')}"
    )
    found = {row[1]: row[2:] for row in store.execute(query("repayment_history")).fetchall()}
    # June 2021, then three years to June 2024, then February, April and May 2026
    history = "*" + "-" * 35 + "M" + "-" * 19 + "3-NC"
    assert found["A1"] == (history[-24:], history)
    assert found["A2"] == found["A3"] == ("-" * 24, "-" * 60)
    assert found["A4"] == ("-" * 21 + "4--", "-" * 57 + "4--")
    assert len(store.execute(query("repayment_history")).fetchall()) == 4


def test_what_the_month_before_says_is_not_read_again(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("insert into history.repayment_history values ('A1', ?)", [APRIL])
    assert anew(store).keys() == {"A4"}
    store.execute(
        "create or replace table history.repayment_history_anew as "
        "select * from history.repayment_history where false"
    )
    found = {row[1]: row[3] for row in store.execute(query("repayment_history")).fetchall()}
    assert found["A1"] == "*" + "-" * 35 + "M" + "-" * 19 + "3-NC"
