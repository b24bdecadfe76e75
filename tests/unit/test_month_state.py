"""A message says how the month stands and which files are in place, and nothing that is not known.

The run of a month and its published tables are made here by hand; the real ones are the pipeline's.
"""

import os
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from reporting.checks import vocabulary
from reporting.checks.gx import load_suite
from reporting.core.run import Run
from reporting.core.settings import EXPECTATIONS, Settings
from reporting.store import month_state, run_marks
from reporting.store.published import UNFINISHED
from reporting.store.published_database import layout_digest

MAY = date(2026, 5, 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def run(settings: Settings) -> Run:
    return Run.of("2026-05", None, settings)


def build_store(run: Run, settings: Settings, *statements: str) -> None:
    run.folder(settings).mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(run.build_store(settings))) as store:
        for schema in ("marts", "secure"):
            store.execute(f"create schema if not exists {schema}")
        for statement in statements:
            store.execute(statement)


FEEDS = "create table marts.feed_counts as select 1200 as quarantined union all select 34"
RECORDS = (
    "create table secure.validated_records as from (values "
    "('210', 'A1', 'BUILT'), ('210', 'A1', 'BUILT'), ('210', 'A2', 'BUILT'), "
    "('210', 'A3', 'WITHHELD'), ('110', 'C1', 'BUILT')) as record (record_type, subject_id, state)"
)
OWED = "create table marts.months_owed as from range(7)"


def publish_april(settings: Settings) -> None:
    settings.published.mkdir(parents=True)
    with duckdb.connect(str(settings.published_database)) as published:
        published.execute("create schema marts; create schema submission")
        published.execute(f"create table submission.layout as select '{layout_digest()}' as digest")
        for table, rows in {
            "built_months": "select date '2026-04-01' as report_month",
            "run_figures": "select date '2026-04-01' as report_month, false as is_supplement, "
            "1 as reported, 0 as withheld",
            "feed_counts": "select date '2026-04-01' as report_month, 5 as quarantined",
        }.items():
            published.execute(f"create table marts.{table} as {rows}")


def test_figures_stand_beside_those_of_the_month_before(run: Run, settings: Settings) -> None:
    build_store(run, settings, FEEDS, RECORDS, OWED)
    publish_april(settings)
    assert month_state.figures(run, settings) == (
        "Figures: 2 accounts reported (1 the month before), 1 records withheld (0 the month before)"
        ", 1,234 rows quarantined (5 the month before), 7 months pending."
    )


def test_a_figure_that_is_not_known_yet_is_left_out(run: Run, settings: Settings) -> None:
    assert month_state.figures(run, settings) == ""
    build_store(run, settings)
    assert month_state.figures(run, settings) == ""
    build_store(run, settings, FEEDS)
    assert month_state.figures(run, settings) == "Figures: 1,234 rows quarantined."


def put_file(settings: Settings, reporter: str, written: datetime) -> None:
    manifest = settings.submissions / reporter / "2026-05" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    os.utime(manifest, (written.timestamp(),) * 2)


def test_files_are_of_this_run_only_if_it_has_written_them(run: Run, settings: Settings) -> None:
    assert month_state.files(run, settings) == "No file of 2026-05 is in place."
    now = run_marks.now()
    put_file(settings, "A", now + timedelta(minutes=1))
    assert month_state.files(run, settings).endswith("of which run is not known.")
    run_marks.note(settings, "2026-05", "land", run_marks.WORKING, begins=True)
    assert month_state.files(run, settings) == "The files of this run of 2026-05 are in place."
    put_file(settings, "B", now - timedelta(days=1))
    assert month_state.files(run, settings).startswith("Files of an earlier build of 2026-05 are")
    (settings.published).mkdir()
    (settings.published / UNFINISHED.format("2026-05")).touch()
    assert "may be of two builds" in month_state.files(run, settings)


@pytest.mark.parametrize(
    ("layer", "table", "check_id"),
    [
        ("records", "record_110", "record_110.employer_named"),
        ("records", "record_110", "record_110.spouse_named"),
        ("marts", "reportable_population", "population.contract_consent_missing"),
        ("marts", "reportable_population", "population.contract_consent_late"),
    ],
)
def test_checks_of_one_months_rows_say_so(layer: str, table: str, check_id: str) -> None:
    suite = load_suite(EXPECTATIONS / layer / f"{table}.py")
    scope = {one.meta["id"]: one.meta["new_rows_only"] for one in suite.EXPECTATIONS}
    assert scope[check_id] is True


def test_a_query_about_the_report_month_is_one_of_new_rows() -> None:
    rows = "from {batch} where month = {report_month}"
    assert vocabulary.no_row("x", "warning", "x", rows).meta["new_rows_only"] is True
    assert vocabulary.no_row("x", "warning", "x", "from {batch}").meta["new_rows_only"] is False
