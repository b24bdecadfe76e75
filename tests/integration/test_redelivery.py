"""Repair by redelivery as the runbook has it, by the command line."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook
from support.lender_months import Lender, build, settings_in
from support.people import person

MONTH = "2026-05"
LATER = "2026-06-06"  # a cut-off after the redelivery of 5 June


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """Two months of a book in which a bill of one account has no date on which it is due."""
    book = RawBook()
    for number in range(30):  # so that one row is no large share of a feed
        person(book, f"N{number:03d}")
    person(book, "WAITS")
    bill = book.bill("AWAITS", date(2026, 5, 12), date(2026, 5, 20), 0, bill_id="BWAITS")
    bill["due_on"] = None
    settings = settings_in(tmp_path_factory.mktemp("redelivery"))
    write(book, Path(settings.landing))
    lender = build(settings, "2026-04", MONTH)
    redeliver_bill(Path(settings.landing) / "bills")
    return lender


def redeliver_bill(bills: Path) -> None:
    """The same key in a further file, with the date, recorded on 5 June."""
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select distinct * replace "
            "(date '2026-05-20' as due_on, timestamp '2026-06-05 00:00:00' as recorded_at) "
            f"from read_parquet('{bills}/**/*.parquet', union_by_name = true) "
            f"where bill_id = 'BWAITS') to '{bills}/again.parquet'"
        )


def run(lender: Lender, month: str, *options: str) -> tuple[int, str]:
    """`reporting run` in a process of its own: the exit code, and all that it printed on a line."""
    done = subprocess.run(
        [sys.executable, "-m", "reporting", "run", "--month", month, *options],
        env=os.environ
        | {"REPORTING_HOME": str(lender.settings.home)}
        | {"REPORTING_LANDING": lender.settings.landing, "REPORTING_KEPT_BUILD_STORES": "1"},
        umask=0,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def waiting(lender: Lender) -> list[tuple[str, str]]:
    """The quarantined rows that no month has healed."""
    return lender.query(
        "select row_key, rule_id from marts.quarantined_rows where healed_as_of is null"
    )


def sent(lender: Lender) -> int:
    """Records 210 of the repaired account for the month that went into a file."""
    return lender.query(
        "select count(*) from marts.submission_records where record_type = '210' "
        "and subject_id = 'AWAITS' and report_date = '2026-05-31' and state = 'BUILT'"
    )[0][0]


@pytest.mark.nightly
def test_a_redelivered_row_is_read_at_a_later_cut_off_and_never_forgotten(lender: Lender) -> None:
    assert waiting(lender) == [("BWAITS", "DUE_BEFORE_STATEMENT")]
    code, shown = run(lender, MONTH)
    assert code == 0
    assert f"Not read in {MONTH}: 1 row(s) recorded after its cut-off, 2026-06-03" in shown
    assert sent(lender) == 0

    code, shown = run(lender, MONTH, "--as-of", LATER)
    assert code == 0
    assert "Not read" not in shown
    assert (waiting(lender), sent(lender)) == ([], 1)

    code, shown = run(lender, MONTH)
    assert code == 0
    assert f"{MONTH}: the cut-off of its last build, 2026-06-06T00:00:00, is kept" in shown
    assert (waiting(lender), sent(lender)) == ([], 1)

    # whatever the umask is
    private = [path for path in lender.settings.submissions.rglob("*") if MONTH in str(path)]
    assert len(private) > 1
    for path in (lender.settings.submissions, *lender.settings.submissions.iterdir(), *private):
        assert path.stat().st_mode & 0o077 == 0, path
    # April's was kept while there was no setting
    assert [path.name for path in lender.settings.work.glob("2*")] == [MONTH]
