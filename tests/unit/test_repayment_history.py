"""The history strings on a handful of records."""

from collections.abc import Iterator

import duckdb
import pytest

from reporting.submission import records

STORE = """
create schema history; create schema marts;
create table marts.built_months as select date '2026-05-01' as report_month;
create table marts.reportable_population as select * from (values
    ('A1', date '2026-05-01'), ('A2', date '2026-05-01'), ('A3', date '2026-05-01'),
    ('A3', date '2026-04-01')) as population (account_id, report_month);
create table marts.submission_records (account_id varchar, record_type varchar, state varchar,
    report_month date, report_date date, repayment_status varchar);
create table history.submission_records as from marts.submission_records;
insert into history.submission_records values
    ('A1', '210', 'ACCEPTED', '2021-05-01', '2021-05-31', '5'),  -- 60 months ago: too old
    ('A1', '210', 'ACCEPTED', '2021-06-01', '2021-06-30', '*'),
    ('A1', '210', 'ACCEPTED', '2024-06-01', '2024-06-30', 'M'),
    ('A1', '210', 'REJECTED', '2026-02-01', '2026-02-28', '1'),
    ('A1', '210', 'WITHHELD', '2026-03-01', '2026-03-31', '2'),
    ('A1', '210', 'RELEASED', '2026-04-01', '2026-04-30', '1'),
    ('A1', '110', 'RELEASED', '2026-04-01', '2026-04-30', 'X');
insert into marts.submission_records values
    ('A1', '210', 'BUILT', '2026-05-01', '2026-02-28', '3'),     -- sent at last
    ('A1', '210', 'BUILT', '2026-05-01', '2026-04-30', 'N'),     -- newer than the released one
    ('A1', '210', 'BUILT', '2026-05-01', '2026-05-31', 'C'),
    ('A2', '210', 'WITHHELD', '2026-05-01', '2026-05-31', '2');
"""


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(STORE)
        yield connection


def test_the_newest_sent_record_about_a_month_counts(store: duckdb.DuckDBPyConnection) -> None:
    query = records.LAYOUT.with_name("repayment_history.sql").read_text(encoding="utf-8")
    found = {row[1]: row[2:] for row in store.execute(query).fetchall()}
    # June 2021, then three years to June 2024, then February, April and May 2026
    history = "*" + "-" * 35 + "M" + "-" * 19 + "3-NC"
    assert found["A1"] == (history[-24:], history)
    assert found["A2"] == found["A3"] == ("-" * 24, "-" * 60)
    assert len(store.execute(query).fetchall()) == 3
