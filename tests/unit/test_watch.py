"""The daily watch: each figure on real files, the deadline, and whom it tells."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console
from support.web_server import listening

from reporting.alerts import open_alerts
from reporting.checks import guide
from reporting.cli import reference_docs
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.raw_contract import raw_contract
from reporting.core.settings import Settings
from reporting.monitoring import feed_metrics, watch
from reporting.monitoring.feed_metrics import thresholds
from reporting.monitoring.watch import WatchResult

DAY = date(2026, 6, 2)
YESTERDAY = DAY - timedelta(days=1)
FOUR_WEEKS = [YESTERDAY - timedelta(days=ago) for ago in range(1, 29)]


class Landing:
    """A landing zone of whole feeds, with as many rows a day as a test asks for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "landing"
        self.settings = Settings(home=folder / "home", landing=str(self.folder))
        for table in raw_contract():
            self.deliver(table.name, {YESTERDAY: 1})

    def deliver(self, feed: str, rows: dict[date, int], file: str = "", change: str = "*") -> Path:
        """Write a file with so many rows recorded on each day, all other columns NULL."""
        table = next(table for table in raw_contract() if table.name == feed)
        path = self.folder / feed / (file or f"{feed}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(
            f"cast({'moment' if c.name == 'recorded_at' else 'null'} as {c.type}) as {c.name}"
            for c in table.columns
        )
        days = " union all ".join(
            f"select timestamp '{day} 12:00:00' as moment from range({n})"
            for day, n in rows.items()
        )
        source = f"select {columns} from ({days or 'select null::timestamp as moment where false'})"
        kind = "csv, header" if path.suffix == ".csv" else "parquet"
        duckdb.sql(f"copy (select {change} from ({source})) to '{path}' (format {kind})")
        return path

    def look(self, day: date = DAY) -> dict[str, WatchResult]:
        return {one.check_id: one for one in watch.watch(day, self.settings)}

    def failed(self, day: date = DAY) -> set[str]:
        return {name for name, one in self.look(day).items() if one.is_open}

    def build(self, month: date) -> None:
        """As if a month were published."""
        folder = self.settings.published / "built_months" / f"report_month={month}"
        folder.mkdir(parents=True)
        duckdb.sql(
            f"copy (select date '{month}' as report_month, now()::timestamp as as_of,"
            f" 'run' as run_id, null::varchar as built_on) to '{folder}/data.parquet'"
        )


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


# --- the structure


def test_all_is_well_and_nothing_is_written(landing: Landing) -> None:
    assert landing.failed() == set()
    assert not landing.settings.home.exists()


@pytest.mark.parametrize("content", [b"", b"no parquet", "half", "footer"])
def test_a_damaged_file_is_named(landing: Landing, content: bytes | str) -> None:
    path = landing.deliver(
        "bills", {YESTERDAY: 5000}, "b/new.parquet", "* replace (random()::text as bill_id)"
    )
    whole = path.read_bytes()
    spoiled = {
        "half": whole[: len(whole) // 2],
        "footer": whole[:100] + b"\xff" * 9000 + whole[9100:],
    }
    path.write_bytes(content if isinstance(content, bytes) else spoiled[content])
    results = landing.look()
    one = results["watch.bills.structure"]
    assert one.is_open
    assert one.severity == "critical"
    assert "b/new.parquet" in one.now
    assert one.example_keys == ("bills/b/new.parquet",)
    assert (one.rows_failing, one.rows_checked) == (1, 2)
    with pytest.raises(DataNotFit, match=r"watch\.bills\.structure .*b/new\.parquet"):
        watch.require_fit(list(results.values()))
    assert "watch.bills.fresh" not in results, "the rows of a broken feed say nothing"


def test_an_old_file_is_not_decoded_again(landing: Landing) -> None:
    old = {DAY - timedelta(days=30): 5000}
    path = landing.deliver("bills", old, "old.parquet", "* replace (random()::text as bill_id)")
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * 9000 + whole[9100:])
    assert landing.failed() == set()


@pytest.mark.parametrize(
    ("change", "named"),
    [("* exclude (due_on)", "due_on"), ("* replace (7 as bill_id)", "bill_id")],
)
def test_a_missing_column_and_a_wrong_type_are_named(
    landing: Landing, change: str, named: str
) -> None:
    landing.deliver("bills", {YESTERDAY: 1}, "a.parquet", change)
    landing.deliver("bills", {YESTERDAY: 1}, "b.parquet", change)
    one = landing.look()["watch.bills.structure"]
    assert one.is_open
    assert f"column {named}" in one.now
    assert "(and 1 more)" in one.now
    assert one.rows_failing == 2


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_required_feed_without_rows_is_broken(landing: Landing, is_empty: bool) -> None:
    path = landing.deliver("bills", {})
    if not is_empty:
        path.unlink()
    assert landing.failed() == {"watch.bills.structure"}


def test_an_optional_feed_may_be_absent(landing: Landing) -> None:
    (landing.folder / "disputes" / "disputes.parquet").unlink()
    assert landing.failed() == set()


def test_a_malformed_csv_line_is_named(landing: Landing) -> None:
    path = landing.deliver("bills", {YESTERDAY: 1}, "b.csv")
    assert landing.failed() == set()
    path.write_text(path.read_text() + "B1,secret\n")
    one = landing.look()["watch.bills.structure"]
    assert one.is_open
    assert "bills/b.csv" in one.now
    assert "secret" not in one.description


# --- the rows


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_file_without_a_row_is_named(landing: Landing, suffix: str) -> None:
    landing.deliver("bills", {}, f"empty.{suffix}")
    results = landing.look()
    one = results["watch.bills.empty_files"]
    assert one.is_open
    assert one.severity == "warning"
    assert one.example_keys == (f"bills/empty.{suffix}",)
    assert {name for name, result in results.items() if result.is_open} == {one.check_id}
    watch.require_fit(list(results.values()))  # a warning is no error


@pytest.mark.parametrize(("days", "is_open"), [(2, False), (3, True)])
def test_the_newest_row_must_be_fresh(landing: Landing, days: int, is_open: bool) -> None:
    landing.deliver("transactions", {DAY - timedelta(days=days): 280})
    assert landing.look()["watch.transactions.fresh"].is_open is is_open


def test_a_feed_that_has_long_been_silent_is_not_fresh(landing: Landing) -> None:
    landing.deliver("transactions", {DAY - timedelta(days=400): 1})
    one = landing.look()["watch.transactions.fresh"]
    assert one.is_open
    assert "none in 60 days" in one.now
    landing.deliver("adverse_notices", {DAY - timedelta(days=400): 900})
    assert "watch.adverse_notices.fresh" not in landing.look(), "a lender may never have sent one"


@pytest.mark.parametrize(("rows_a_day", "is_open"), [(10, True), (9, None)])
def test_a_small_feed_may_be_silent_for_days(
    landing: Landing, rows_a_day: int, is_open: bool | None
) -> None:
    """280 rows in the four weeks up to its newest make a feed that never rests."""
    days = [DAY - timedelta(days=ago) for ago in range(4, 32)]
    landing.deliver("accounts", dict.fromkeys(days, rows_a_day))
    one = landing.look().get("watch.accounts.fresh")
    assert (one and one.is_open) is is_open


@pytest.mark.parametrize(
    ("yesterday", "is_open"), [(79, True), (80, False), (600, False), (620, True), (0, True)]
)
def test_the_last_full_day_is_like_the_four_weeks_before(
    landing: Landing, yesterday: int, is_open: bool
) -> None:
    rows = {**dict.fromkeys(FOUR_WEEKS, 200), YESTERDAY: yesterday, DAY: 7}
    rows |= {FOUR_WEEKS[3]: 100_000, FOUR_WEEKS[9]: 0}  # the median does not mind one odd day
    landing.deliver("transactions", rows)
    one = landing.look()["watch.transactions.volume"]
    assert one.is_open is is_open
    assert one.now == f"{yesterday:,} rows on 2026-06-01, 200 are usual"


def test_the_usual_day_is_of_just_the_four_weeks_before_the_last_full_day(
    landing: Landing,
) -> None:
    rows = {**dict.fromkeys(FOUR_WEEKS[:14], 100), **dict.fromkeys(FOUR_WEEKS[14:], 300)}
    landing.deliver("transactions", {**rows, YESTERDAY: 100})
    one = landing.look()["watch.transactions.volume"]
    assert one.now == "100 rows on 2026-06-01, 200 are usual"
    assert one.value == "50"


def test_a_small_book_is_not_asked_for_its_volume(landing: Landing) -> None:
    landing.deliver("transactions", {**dict.fromkeys(FOUR_WEEKS, 199), YESTERDAY: 1})
    assert "watch.transactions.volume" not in landing.look()


def test_a_feed_that_comes_once_a_month_has_no_usual_day(landing: Landing) -> None:
    landing.deliver("transactions", {FOUR_WEEKS[20]: 90_000, YESTERDAY: 1})
    assert "watch.transactions.volume" not in landing.look()


def test_no_row_is_recorded_after_the_day(landing: Landing) -> None:
    landing.deliver("consents", {DAY: 1, DAY + timedelta(days=1): 3})
    one = landing.look()["watch.consents.future"]
    assert one.is_open
    assert (one.rows_failing, one.rows_checked) == (3, 4)
    landing.deliver("consents", {DAY: 1})
    assert not landing.look()["watch.consents.future"].is_open


# --- the limits


def test_every_question_has_its_entry_and_its_owner_and_is_on_the_page() -> None:
    page = reference_docs.render()
    assert len({one.check_id for one in thresholds()}) == len(thresholds()) > 30
    for one in thresholds():
        assert guide.entry(one.check_id).owner == one.owner
        assert f'<a id="{one.check_id}">' in page
    for check_id, (owner, _) in watch.DEADLINES.items():
        assert guide.entry(check_id).owner == owner


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("bill,fresh,,1,,warning,data_delivery,why", "column feed: bill is no raw table"),
        ("bills,fresh,,soon,,warning,data_delivery,why", "column highest"),
        ("bills,age,,1,,warning,data_delivery,why", "column figure"),
        ("bills,fresh,,1,,bad,data_delivery,why", "column severity"),
        ("bills,fresh,,1,,warning,data_delivery,", "column rationale"),
    ],
)
def test_a_wrong_limit_is_named(tmp_path: Path, line: str, named: str) -> None:
    path = tmp_path / "watch.csv"
    header = feed_metrics.THRESHOLDS.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{header}\n{line}\n")
    with pytest.raises(BadCall, match=f"line 2, {named}"):
        thresholds(path)


# --- the deadline


@pytest.mark.parametrize(
    ("day", "severity"),
    [
        ("2026-06-06", None),
        ("2026-06-07", "warning"),
        ("2026-06-10", "warning"),
        ("2026-06-11", "critical"),
        ("2026-07-02", "critical"),
    ],
)
def test_a_month_that_is_not_built_is_told_before_its_deadline(
    landing: Landing, day: str, severity: str | None
) -> None:
    landing.build(date(2026, 4, 1))
    on = date.fromisoformat(day)
    results = landing.look(on)
    watch.require_fit(list(results.values()))  # late, but no feed is broken
    asked = [one for name, one in results.items() if name.startswith("watch.deadline.")]
    assert {one.owner for one in asked} == {"compliance", "pipeline"}
    assert [one.severity if one.is_open else None for one in asked] == [severity] * 2
    landing.build(date(2026, 5, 1))
    assert not any("deadline" in name for name in landing.failed(on))


def test_deadline_and_lead_are_settings(landing: Landing) -> None:
    landing.settings = landing.settings.model_copy(
        update={"deadline_day": 20, "deadline_warning_days": 1}
    )
    for day, is_open in [(18, False), (19, True)]:
        failed = landing.failed(date(2026, 6, day))
        assert ("watch.deadline.built" in failed) is is_open


def test_a_lender_that_begins_is_asked_for_the_month_that_ended(landing: Landing) -> None:
    now = landing.look(date(2026, 6, 9))["watch.deadline.built"].now
    assert now == "2026-05 is not built, due on 2026-06-10"


# --- whom it tells


@pytest.fixture
def posted(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[dict[str, Any]]]:
    """What a webhook gets."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    import_module("reporting.alerts.destinations")
    with listening() as (connection, kept):
        monkeypatch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK", connection)
        yield kept


def test_each_audience_hears_once_a_day_and_when_it_is_over(
    landing: Landing, posted: list[dict[str, Any]]
) -> None:
    day = date(2026, 6, 9)
    feeds = [table.name for table in raw_contract()]
    for feed in feeds:
        landing.deliver(feed, {day: 1})
    damaged = landing.folder / "bills" / "damaged.parquet"
    damaged.write_bytes(b"x")
    landing.deliver("accounts", {}, "empty.parquet")
    landing.failed(day)
    assert [(post["audience"], post["outcome"]) for post in posted] == [
        ("compliance", "watched"),
        ("data_delivery", "watched"),
        ("pipeline", "watched"),
    ]
    delivery = posted[1]
    assert [check["id"] for check in delivery["checks"]] == [
        "watch.bills.structure",
        "watch.accounts.empty_files",
    ]
    assert delivery["subject"] == (
        "[credit reporting: data_delivery] watch of 2026-06-09: "
        "1 critical check: watch.bills.structure"
    )
    assert delivery["text"].startswith(
        "Daily watch of 2026-06-09: watch.bills.structure and 1 more failed; "
        "the watch builds no month. "
        "2026-05 is due at the bureau by 2026-06-10. First: Deliver the named file again"
    )
    posted.clear()
    damaged.unlink()
    landing.build(date(2026, 5, 1))
    landing.failed(day)
    assert [(post["audience"], post["outcome"], post["resolved"]) for post in posted] == [
        ("compliance", "resolved", ["watch.deadline.submitted"]),
        ("data_delivery", "watched", ["watch.bills.structure"]),
        ("pipeline", "resolved", ["watch.deadline.built"]),
    ]
    posted.clear()
    (landing.folder / "accounts" / "empty.parquet").unlink()
    landing.failed(day)
    assert [post["resolved"] for post in posted] == [["watch.accounts.empty_files"]]
    assert json.loads(open_alerts.memory_file(landing.settings).read_text()) == {}
    posted.clear()
    assert landing.failed(day) == set()
    assert posted == []


def test_a_watch_that_cannot_look_is_told_and_over_when_it_can(
    landing: Landing, posted: list[dict[str, Any]]
) -> None:
    away = landing.folder.rename(landing.folder.with_name("away"))
    with pytest.raises(BadCall, match="REPORTING_LANDING"):
        landing.look()
    [post] = posted
    assert (post["audience"], post["checks"]) == ("pipeline", [])
    assert "it stopped on an error; the watch builds no month" in post["text"]
    posted.clear()
    away.rename(landing.folder)
    landing.look()
    assert [(post["outcome"], post["resolved"]) for post in posted] == [("resolved", ["watch.run"])]


def test_an_unforeseen_error_quotes_nothing(
    landing: Landing, posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("110101199001011234")

    monkeypatch.setattr(watch, "measure", fail)
    with pytest.raises(ValueError, match="1101"):
        landing.look()
    assert "First: unforeseen ValueError\n" in posted[0]["text"]
    assert "110101199001011234" not in json.dumps(posted)


@pytest.mark.parametrize(
    ("day", "damage", "exit_code", "error"),
    [
        ("2026-06-02", b"", 0, ""),
        (
            "2026-06-02",
            b"x",
            1,
            "error: the daily watch found a broken feed: watch.bills.structure",
        ),
        ("2026-6-2", b"", 2, "error: day '2026-6-2' is no day"),
    ],
)
def test_the_command_says_by_its_exit_code_whether_a_feed_is_broken(
    landing: Landing, day: str, damage: bytes, exit_code: int, error: str
) -> None:
    if damage:
        (landing.folder / "bills" / "new.parquet").write_bytes(damage)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    home, zone = landing.settings.home, landing.settings.landing
    done = subprocess.run(
        [sys.executable, "-m", "reporting", "watch", "--on", day],
        env={**plain, "REPORTING_HOME": str(home), "REPORTING_LANDING": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code
    assert done.stderr.startswith(error)
    assert len(done.stderr.splitlines()) == (1 if error else 0)
    assert ("bills" in done.stdout) == (exit_code < 2)


def test_the_table_is_small_and_names_what_failed(landing: Landing) -> None:
    landing.deliver("bills", {}, "[red]empty.parquet")
    console = Console(width=160, record=True)
    console.print(watch.overview(list(landing.look().values())))
    text = console.export_text()
    assert len(text.splitlines()) == 1 + len(raw_contract()) + 1 + 2
    assert "watch.bills.empty_files" in text
    assert "at most 0" in text
