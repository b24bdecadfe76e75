"""``marts.run_figures``: each run, also one without a record, with the figures of its records."""

from datetime import date, datetime
from decimal import Decimal

import duckdb
from support.submission_views import statements_of

STORE = """
    create schema marts;
    create schema submission;
    create table marts.runs as from (values
        (date '2026-03-01', timestamp '2026-04-03', false),
        (date '2026-04-01', timestamp '2026-05-03', false),
        (date '2026-04-01', timestamp '2026-05-20', true))
        as runs(report_month, as_of, is_supplement);
    create table marts.submission_records as from (values
        -- an account about its month and about a pending one: it is one account, and the month's
        -- amount counts
        (timestamp '2026-05-03', '210', 'A1', date '2026-04-30', '31', 100.10, 'BUILT'),
        (timestamp '2026-05-03', '210', 'A1', date '2026-03-31', '31', 70, 'BUILT'),
        (timestamp '2026-05-03', '210', 'A2', date '2026-04-12', '20', null, 'ACCEPTED'),
        (timestamp '2026-05-03', '210', 'A3', date '2026-04-30', '32', 1, 'REJECTED'),
        (timestamp '2026-05-03', '210', 'A4', date '2026-04-30', '10', 5000, 'WITHHELD'),
        (timestamp '2026-05-03', '110', 'C1', date '2026-04-30', '10', null, 'RELEASED'),
        (timestamp '2026-05-03', '220', 'A1', date '2026-04-30', '20', null, 'WITHHELD'),
        (timestamp '2026-05-20', '210', 'A4', date '2026-04-30', '10', 5000, 'BUILT'))
        as records(as_of, record_type, subject_id, report_date, report_date_code, overdue_total,
        state);
    alter table marts.submission_records add column report_month date default '2026-04-01';
"""


def test_a_run_has_its_own_figures_and_one_without_records_has_zeros() -> None:
    with duckdb.connect() as connection:
        connection.execute(STORE)
        connection.execute(statements_of("submission.run_figures", "marts.run_figures"))
        found = connection.execute(
            "select report_month, as_of, is_supplement, records, withheld, reported, "
            "overdue_total, first_reports, closings from marts.run_figures"
        ).fetchall()
    april = date(2026, 4, 1)
    assert found == [
        (date(2026, 3, 1), datetime(2026, 4, 3), False, 0, 0, 0, Decimal(0), 0, 0),
        (april, datetime(2026, 5, 3), False, 7, 2, 3, Decimal("101.10"), 2, 2),
        (april, datetime(2026, 5, 20), True, 1, 0, 1, Decimal(5000), 1, 0),
    ]
