"""What the bureau knows of an account stands for all that was ever sent: every answer is the same.

Months are built again beside the originals on a history in which each record sent is a row of its
own, and everything that follows from it must come out as before (decision 0012).
"""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.lender_months import MONTHS, WORLD_MONTHS, Lender

from reporting.checks.results import results_of
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.store.build_store import open_store

pytestmark = pytest.mark.nightly  # shorter tests hold parts of it

EACH_RECORD_ALONE = """
create or replace table history.all_records as
select reporter_code, account_id, state, report_month as built_in, report_date,
    report_date as last_report_date, report_date_code, repayment_status, overdue_total,
    five_tier_assigned_on, account_type as first_account_type, account_type as last_account_type,
    opened_on, coalesce(report_date_code in ('20', '32'), false) as was_closed,
    coalesce(overdue_total > 0, false) as was_overdue,
    json_extract_string(segment_hashes, '$.C') as hash_c,
    json_extract_string(segment_hashes, '$.F') as hash_f, customer_id, product_code
from history.journals where record_type = '210';
drop view history.accounts_known;
create view history.accounts_known as from history.all_records;
drop view history.repayment_history;
create table history.repayment_history (account_id varchar, history_60 varchar);
"""
DECIDED = [
    "marts.reportable_population",
    *(f"secure.record_{record}" for record in ("110", "210", "220")),
    *(f"secure.checked_{record}" for record in ("110", "210", "220")),
    *("secure.batch_210", "secure.validated_records"),
    *("marts.submission_records", "marts.months_owed", "marts.repair_queue"),
    "marts.repayment_history",
]


def answers(run: Run, settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Everything a month decided about records, in a fixed order, and what its checks counted."""
    steps.build_journal(run, settings)
    with open_store(run, settings) as store:
        found = {name: store.execute(f"from {name} order by all").fetchall() for name in DECIDED}
    for check in (steps.check_marts, steps.check_records):
        check(run, settings)
    results = results_of(run, settings)
    return found | {"checks": [(one.check_id, one.rows_failing) for one in results]}


def rows_known(store: duckdb.DuckDBPyConnection) -> int:
    return int(store.execute("select count(*) from history.accounts_known").fetchall()[0][0])


def decided_twice(lender: Lender, month: str, folder: Path) -> tuple[int, int]:
    """Compare a month's answers with those from all records; how many rows each of both read."""
    settings = lender.settings.model_copy(update={"home": folder / "home"})
    run = lender.run(month)
    shutil.copytree(lender.run(month).folder(lender.settings), run.folder(settings))
    before = answers(run, settings)
    with open_store(run, settings, read_only=False) as store:
        known = rows_known(store)
        store.execute(EACH_RECORD_ALONE)
        sent = rows_known(store)
    steps.build_marts(run, settings)
    steps.build_records(run, settings)
    after = answers(run, settings)
    for name, rows in before.items():
        assert after[name] == rows, name
    return known, sent


@pytest.mark.parametrize("month", [WORLD_MONTHS[-1], WORLD_MONTHS[3]])
def test_of_the_known_stories(world: Lender, month: str, tmp_path: Path) -> None:
    known, sent = decided_twice(world, month, tmp_path)
    assert 10 < known < sent


def test_of_a_lender(lender_book: Lender, tmp_path: Path) -> None:
    known, sent = decided_twice(lender_book, MONTHS[-1], tmp_path)
    assert known < 0.7 * sent


def test_of_a_disorderly_book(disorderly_book: Lender, tmp_path: Path) -> None:
    month = disorderly_book.months[-1]
    known, sent = decided_twice(disorderly_book, month, tmp_path)
    assert known < sent
    owing = "select account_id from marts.months_owed where report_month = ?"
    alone = disorderly_book.query(
        "select count(*) from marts.accounts_known where report_month = ? "
        f"and account_id in ({owing})",
        *[date.fromisoformat(f"{disorderly_book.months[-2]}-01")] * 2,
    )
    assert alone[0][0] > 10  # of accounts that owe months there is something to put in between
