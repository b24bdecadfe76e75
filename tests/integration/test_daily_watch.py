"""The daily watch as Airflow runs it: its schedule, its day, its outcome, and whom it tells."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.web_server import listening

from reporting.core.settings import Settings
from reporting.pipeline import airflow
from reporting.synthetic import lender

LAST_DAY = "2026-06-02"  # the synthetic book ends on the day before
SIX_IN_THE_MORNING = datetime(2026, 6, 1, 22, tzinfo=UTC)  # of 2026-06-02, in China


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of this module in a fresh interpreter: Airflow reads its settings once."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What a webhook gets; the processes of a test inherit its connection."""
    with listening() as (connection, kept):
        monkeypatch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK", connection)
        yield kept


def describe(home: Path) -> dict[str, Any]:
    """The DAG as Airflow reads it."""
    os.environ.update(airflow.airflow_variables(Settings(home=home), debug=False))
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    dag = airflow.load_dag(airflow.DAILY_DAG)
    timetable = coerce_to_core_timetable(dag.timetable)
    earliest = datetime(2026, 6, 1, tzinfo=UTC)
    restriction = TimeRestriction(earliest=earliest, latest=None, catchup=True)
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    second = timetable.next_dagrun_info_v2(last_dagrun_info=first, restriction=restriction)
    return {
        "tasks": [task.task_id for task in dag.tasks],
        "limits": (dag.catchup, dag.max_active_runs, {task.retries for task in dag.tasks}),
        "ticks": [info.run_after.isoformat() for info in (first, second)],
    }


def run_dag(settings: Settings, at: datetime | None, day: str | None) -> str:
    """Run the DAG once; its outcome."""
    os.environ.update(airflow.airflow_variables(settings, debug=False))
    os.environ.update(airflow.reporting_variables(settings))
    dag = airflow.load_dag(airflow.DAILY_DAG)
    conf = {"day": day} if day else None
    return str(dag.test(logical_date=at, run_conf=conf).state)


def test_it_looks_at_seven_every_morning_in_china(tmp_path: Path) -> None:
    daily = in_new_process(describe, tmp_path)
    assert daily["tasks"] == ["look"]
    assert daily["limits"] == (False, 1, {0})
    assert daily["ticks"] == ["2026-06-01T23:00:00+00:00", "2026-06-02T23:00:00+00:00"]


@pytest.mark.nightly
def test_it_looks_as_on_the_day_of_the_run_and_fails_where_a_feed_is_broken(
    tmp_path: Path, posted: list[dict[str, Any]]
) -> None:
    landing = tmp_path / "landing"
    lender.generate(landing, accounts=60, months=3, seed=5)
    settings = Settings(home=tmp_path / "home", landing=str(landing))
    assert in_new_process(run_dag, settings, SIX_IN_THE_MORNING, None) == "success"
    assert posted == []

    damaged = landing / "bills" / "damaged.parquet"
    damaged.write_bytes(b"PAR1")
    assert in_new_process(run_dag, settings, SIX_IN_THE_MORNING, None) == "failed"
    [post] = posted
    assert (post["audience"], post["as_of"]) == ("data_delivery", "2026-06-02T00:00:00")
    assert [check["id"] for check in post["checks"]] == ["watch.bills.structure"]
    assert "bills/damaged.parquet" in post["text"]

    damaged.unlink()
    assert in_new_process(run_dag, settings, None, LAST_DAY) == "success"
    assert [(p["outcome"], p["as_of"][:10]) for p in posted[1:]] == [("resolved", LAST_DAY)]
