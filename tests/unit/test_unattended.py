"""What a task of the DAG sends where no step of a month has, and what the watch finds of a run."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from support.web_server import listening

from reporting.alerts import open_alerts
from reporting.checks.results import CheckReport, CheckResult, ChecksFailed, results_folder
from reporting.core import interrupts, safe_text
from reporting.core.errors import BadCall, BadHome, BrokenDelivery, DataNotFit
from reporting.core.product_policy import read_policy
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.monitoring import watch
from reporting.pipeline import airflow, month_queue, steps
from reporting.store import provenance, run_marks

MONTH = "2026-05"
MOMENT = "2026-06-02T22:00:00+00:00"  # of 2026-06-03, in China
SECRET = "110101199001011234"  # noqa: S105 - a value that no message may hold


@pytest.fixture
def posted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What a webhook gets; the settings of the environment are those of `settings`."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("REPORTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REPORTING_LANDING", str(tmp_path / "landing"))
    import_module("reporting.alerts.destinations")
    with listening() as (connection, kept):
        monkeypatch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK", connection)
        yield kept


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"))


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The step check_marts ends in an error."""

    def check_marts(_run: Run, _settings: Settings) -> None:
        raise error

    monkeypatch.setattr(steps, "check_marts", steps.step(check_marts))


def run_task(step: str = "check_marts", month: str = MONTH) -> None:
    with suppress(Exception):
        airflow.run_step(step, month, "", MOMENT)


def callback(step: str = "check_marts", since: datetime | None = None) -> None:
    """What Airflow's DAG processor calls after a failed run."""
    airflow.alert_on_failure(
        {
            "dag": SimpleNamespace(dag_id=airflow.MONTHLY_DAG),
            "dag_run": SimpleNamespace(
                partition_key=MONTH,
                conf=None,
                run_after=datetime.fromisoformat(MOMENT),
                start_date=since,
            ),
            "ti": SimpleNamespace(task_id=step),
        }
    )


def text_of(posted: list[dict[str, Any]]) -> str:
    [post] = posted
    assert (post["audience"], post["outcome"], post["month"]) == ("pipeline", "stopped", MONTH)
    return str(post["text"])


def test_a_wrong_call_in_a_task_is_sent_once(
    posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, BadCall("setting REPORTING_LANDING: there is no folder /in"))
    began = run_marks.now()
    run_task()
    callback(since=began)
    text = text_of(posted)
    assert "there is no folder /in (task check_marts of monthly_credit_reporting)" in text


def test_an_error_that_the_step_has_sent_is_not_sent_again(
    posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ValueError(SECRET))
    began = run_marks.now()
    run_task()
    callback(since=began)
    text = text_of(posted)
    assert "First: unforeseen ValueError\n" in text
    assert SECRET not in text


def test_a_wrong_setting_is_sent_from_the_same_home(
    posted: list[dict[str, Any]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORTING_THREADS", "many")
    began = run_marks.now()
    run_task()
    callback(since=began)
    assert "setting REPORTING_THREADS" in text_of(posted)
    assert run_marks.is_settled(settings, MONTH, began)


def test_an_import_that_fails_is_sent(
    posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "reporting.pipeline.steps", None)
    monkeypatch.delattr("reporting.pipeline.steps")
    run_task()
    assert "ModuleNotFoundError: import of reporting.pipeline.steps halted" in text_of(posted)


def test_a_task_that_said_nothing_is_sent_by_the_callback(posted: list[dict[str, Any]]) -> None:
    callback()
    assert "it was killed or could not begin; see its log in Airflow (task check_marts" in text_of(
        posted
    )


def test_a_later_attempt_that_is_killed_is_sent_again(
    posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ValueError())
    run_task()
    posted.clear()
    callback(since=run_marks.now())
    assert "it was killed" in text_of(posted)


def test_what_was_not_delivered_by_the_task_is_sent_by_the_callback(
    posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK"
    reachable = os.environ[name]
    failing(monkeypatch, ValueError())
    began = run_marks.now()
    monkeypatch.setenv(name, json.dumps({"conn_type": "http"}))
    run_task()
    assert posted == []
    monkeypatch.setenv(name, reachable)
    callback(since=began)
    assert "(task check_marts of" in text_of(posted)


def test_a_month_that_waits_in_vain_sends_nothing(
    posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_for_turn(_month: str) -> None:
        raise month_queue.WaitsInVain("month 2026-05 is not built because 2026-04 failed")

    monkeypatch.setattr(month_queue, "wait_for_turn", wait_for_turn)
    began = run_marks.now()
    run_task("land")
    callback("land", since=began)
    assert posted == []


def test_where_somebody_sits_at_the_terminal_a_wrong_call_is_not_sent(
    posted: list[dict[str, Any]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, BadCall("no such folder"))
    with exclusive(settings):
        run_task()
        callback()
    assert posted == []


def test_a_task_without_a_month_runs_the_one_that_ended_last_in_china(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(airflow, "load_settings", lambda: settings)
    seen: list[str] = []
    monkeypatch.setattr(steps, "check_marts", lambda run, _: seen.append(run.label))
    for moment in (MOMENT, "2026-05-31T15:59:59+00:00", "2026-05-31T16:00:00+00:00"):
        assert airflow.run_step("check_marts", "", "", moment) == seen[-1]
    assert seen == ["2026-05", "2026-04", "2026-05"]


# --- the words of the machine


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(28, "No space left on device"),
            "no space left on the file system of the home folder",
        ),
        (OSError(SECRET), "unforeseen OSError"),
        (MemoryError(), "memory ran out"),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure"),
            "memory ran out: the system gave no more (see ulimit -v)",
        ),
        (
            duckdb.OutOfMemoryException("Failed to allocate block of 8 bytes (bad allocation)"),
            "memory ran out: the system gave no more (see ulimit -v)",
        ),
        (ImportError("no module named x"), "ImportError: no module named x"),
        (BrokenDelivery("table bills: no file"), "table bills: no file"),
        (KeyError(SECRET), "unforeseen KeyError"),
    ],
)
def test_only_words_about_files_memory_and_modules_are_repeated(
    error: Exception, words: str
) -> None:
    assert safe_text.of_error(error) == words


def test_a_full_disk_is_named_with_step_and_folder(
    posted: list[dict[str, Any]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, OSError(28, "No space left on device"))
    run_task()
    assert (
        f"First: month {MONTH}, step check_marts: no space left on the file system of "
        f"{settings.home}; correct that and run the month again\n" in text_of(posted)
    )


def test_a_home_that_cannot_be_written_sends_its_error(
    posted: list[dict[str, Any]], settings: Settings
) -> None:
    settings.home.write_text("a file in its place")
    with pytest.raises(BadHome):
        steps.run_month(Run.of(MONTH, None, settings), settings)
    assert "setting REPORTING_HOME: cannot make the folder" in text_of(posted)


def test_failed_checks_reach_their_owner_even_if_their_results_cannot_be_read(
    posted: list[dict[str, Any]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.of(MONTH, None, settings)
    failed = CheckResult(
        check_id="status.known",
        layer="marts",
        table_name="marts.repayment_status",
        severity="critical",
        description="Every status is known.",
        rows_checked=9,
        rows_failing=2,
        passed=False,
        owner="pipeline",
        evaluated_at=datetime(2026, 6, 3),
    )
    error = ChecksFailed(CheckReport("marts", run, (failed,)))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes
    failing(monkeypatch, error)
    damaged = results_folder(run, settings) / "landing.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no Parquet")
    run_task()
    assert "status.known" in text_of(posted)


# --- a run that began and did not end


def marked(settings: Settings) -> list[tuple[str, str]]:
    return [(mark.month, mark.step) for mark in run_marks.unended(settings) or ()]


KILLED = """
import os, signal
from reporting.core.run import Run
from reporting.core.settings import load_settings
from reporting.pipeline import steps

def build_marts(run, settings):
    os.kill(os.getpid(), signal.SIGKILL)

settings = load_settings()
steps.step(build_marts)(Run.of("2026-05", None, settings), settings)
"""


def test_the_watch_finds_a_run_that_was_killed_until_its_month_has_ended(
    posted: list[dict[str, Any]], settings: Settings
) -> None:
    Path(settings.landing).mkdir()
    done = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert done.returncode == -signal.SIGKILL
    assert marked(settings) == [(MONTH, "build_marts")]

    day = date(2026, 6, 4)
    found = {one.check_id: one for one in watch.watch(day, settings)}["watch.run_ended"]
    assert (found.passed, found.owner, found.severity) == (False, "pipeline", "critical")
    assert found.now.startswith("run of 2026-05 began at ")
    assert found.now.endswith(" and did not end (in step build_marts)")
    assert any("watch.run_ended" in post["text"] for post in posted)

    posted.clear()
    run_marks.clear(settings, MONTH)
    watch.watch(day, settings)
    assert [post["resolved"] for post in posted if post["resolved"]] == [["watch.run_ended"]]


def test_a_run_that_works_is_no_finding(settings: Settings) -> None:
    run_marks.note(settings, MONTH, "land", run_marks.WORKING)
    with exclusive(settings):
        assert marked(settings) == []
    assert marked(settings) == [(MONTH, "land")]


def test_while_another_run_works_it_is_not_known_whether_one_was_killed(
    posted: list[dict[str, Any]], settings: Settings
) -> None:
    Path(settings.landing).mkdir()
    run_marks.note(settings, MONTH, "land", run_marks.WORKING)
    day = date(2026, 6, 4)
    watch.watch(day, settings)
    posted.clear()
    with exclusive(settings):
        found = watch.watch(day + timedelta(days=1), settings)
    assert "watch.run_ended" not in {one.check_id for one in found}
    assert not any("watch.run_ended" in post["resolved"] for post in posted)


def test_a_second_run_leaves_the_mark_of_the_first(settings: Settings) -> None:
    Path(settings.landing).mkdir()
    run_marks.note(settings, MONTH, "land", run_marks.WORKING)
    command = [sys.executable, "-m", "reporting", "run", "--month", MONTH]
    places = {"REPORTING_HOME": str(settings.home), "REPORTING_LANDING": settings.landing}
    with exclusive(settings):
        done = subprocess.run(
            command, env=os.environ | places, capture_output=True, text=True, check=False
        )
    assert (done.returncode, "another run is working" in done.stderr) == (2, True), done.stderr
    assert marked(settings) == [(MONTH, "land")]


@pytest.mark.usefixtures("posted")
def test_a_run_that_sigterm_ends_is_left_to_the_watch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_marts(_run: Run, _settings: Settings) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(interrupts, "received", lambda: signal.SIGTERM)
        steps.step(build_marts)(Run.of(MONTH, None, settings), settings)
    assert marked(settings) == [(MONTH, "build_marts")]


def test_a_run_whose_code_or_seeds_changed_after_it_landed_is_not_published(
    settings: Settings,
) -> None:
    run = Run.of(MONTH, None, settings)
    with duckdb.connect() as store:
        store.execute("create table main.digests (kind varchar, sha256 varchar)")
        digests = provenance.digests(read_policy(settings)) | {"landing": "of the files"}
        store.executemany("insert into main.digests values (?, ?)", list(digests.items()))
        steps.require_same_rules(store, run, settings)
        store.execute("update main.digests set sha256 = 'older' where kind in ('code', 'seeds')")
        words = f"code and seeds changed while month {MONTH} was built; run it again"
        with pytest.raises(BadCall, match=words):
            steps.require_same_rules(store, run, settings)


def test_a_run_whose_next_task_may_still_begin_is_no_finding(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = run_marks.now()
    run_marks.note(settings, MONTH, "land", run_marks.BETWEEN)
    assert marked(settings) == []
    monkeypatch.setattr(run_marks, "now", lambda: began + timedelta(hours=1))
    assert marked(settings) == [(MONTH, "land")]


@pytest.mark.usefixtures("posted")
@pytest.mark.parametrize("error", [DataNotFit("no feed"), BadCall("no month"), KeyboardInterrupt()])
def test_a_run_whose_end_is_known_is_no_finding(error: BaseException, settings: Settings) -> None:
    def build_marts(_run: Run, _settings: Settings) -> None:
        raise error

    with pytest.raises(type(error)):
        steps.step(build_marts)(Run.of(MONTH, None, settings), settings)
    assert marked(settings) == []


def test_a_mark_that_cannot_be_written_or_read_stops_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder = settings.home / "alerts" / "runs"
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in its place")
    run_marks.note(settings, MONTH, "land", run_marks.WORKING)
    assert "2026-05.json cannot be written" in caplog.text
    folder.unlink()
    folder.mkdir()
    (folder / "2026-05.json").write_text("{}")
    assert marked(settings) == []
    assert "2026-05.json cannot be read (ValidationError)" in caplog.text


def test_a_mark_that_was_interrupted_before_its_rename_is_no_mark(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_paths: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", interrupt)
        run_marks.note(settings, MONTH, "land", run_marks.WORKING)
    assert marked(settings) == []


# --- the watch by hand, twice on one day


def test_a_second_look_of_the_same_day_sends_only_what_is_new(
    posted: list[dict[str, Any]], settings: Settings
) -> None:
    Path(settings.landing).mkdir()
    day = date(2026, 6, 2)
    watch.watch(day, settings)
    first = len(posted)
    assert first > 0
    watch.watch(day, settings)
    assert len(posted) == first
    run_marks.note(settings, MONTH, "land", run_marks.WORKING)
    watch.watch(day, settings)
    assert [post["audience"] for post in posted[first:]] == ["pipeline"]
    told = len(posted)
    watch.watch(day + timedelta(days=1), settings)
    assert {post["audience"] for post in posted[told:]} == {post["audience"] for post in posted}
    assert open_alerts.sent_on(day, settings) == {}


# --- the command line with a destination


def run_command(settings: Settings) -> subprocess.CompletedProcess[str]:
    """`reporting run` in a process of its own, as a person or cron calls it."""
    plain = {key: value for key, value in os.environ.items() if key != "AIRFLOW_HOME"}
    return subprocess.run(
        [sys.executable, "-m", "reporting", "run", "--month", MONTH],
        env=plain | {"HOME": str(settings.home.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_error_is_one_line_where_it_is_sent(
    posted: list[dict[str, Any]], settings: Settings
) -> None:
    Path(settings.landing).mkdir()
    done = run_command(settings)
    assert (done.returncode, done.stdout.strip()) == (1, "")
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("error: table customers: no Parquet or CSV file")
    assert len(posted) == 1


def test_a_home_that_takes_nothing_more_keeps_no_message_back(
    posted: list[dict[str, Any]], settings: Settings
) -> None:
    Path(settings.landing).mkdir()
    settings.home.mkdir()
    for name in ("alerts", "airflow"):
        (settings.home / name).write_text("a file in its place")
    done = run_command(settings)
    assert done.returncode == 1
    *warnings, line = done.stderr.strip().splitlines()
    assert [file for one in warnings for file in ("open", "events") if f"{file}.json" in one] == [
        *("open", "events")
    ]
    assert all("cannot be written" in one for one in warnings)
    assert line.startswith("error: table customers: no Parquet or CSV file")
    assert len(posted) == 1
