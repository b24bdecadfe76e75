"""The monthly DAG: its wiring, its schedule, its form, and months run through it for real.

Airflow reads its configuration once a process, so each look at it is a process of its own.
"""

import ast
import inspect
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Template

from reporting.core.errors import BadCall, DataNotFit, ReportingError, Unforeseen
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.pipeline import airflow, release_tasks, steps

STEPS = [
    "land",
    "check_landing",
    "build_marts",
    "check_marts",
    "build_records",
    "check_records",
    "publish",
]


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of this module in a fresh interpreter; its errors are raised here."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()


# What the DAG is


def describe(home: Path) -> dict[str, Any]:
    """The DAG as Airflow reads it."""
    os.environ.update(airflow.airflow_variables(Settings(home=home), debug=False))
    from airflow.sdk.exceptions import ParamValidationError
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    dag = airflow.load_dag()
    timetable = coerce_to_core_timetable(dag.timetable)

    def accepts(name: str, value: str | None) -> bool:
        try:
            dag.params.get_param(name).resolve(value)
        except ParamValidationError:
            return False
        return True

    ticks, last = [], None
    restriction = TimeRestriction(
        earliest=datetime(2026, 4, 1, tzinfo=UTC), latest=None, catchup=True
    )
    for _ in range(3):
        last = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        ticks.append((last.run_after.isoformat(), last.partition_key))
    backfill = timetable.iter_partition_dagrun_infos(
        earliest=datetime(2025, 12, 1, tzinfo=UTC), latest=datetime(2026, 2, 28, tzinfo=UTC)
    )
    approve = dag.get_task("approve")
    return {
        "outlets": {task.task_id: [one.name for one in task.outlets] for task in dag.tasks},
        "words": {task.task_id: (task.owner, task.doc_md) for task in dag.tasks},
        "edges": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "callbacks": [airflow.load_dag(name).on_failure_callback is not None for name in DAGS],
        "op_args": {step: list(dag.get_task(step).op_args) for step in STEPS},
        "retries": {step: dag.get_task(step).retries for step in (*STEPS, "release")},
        "approval": (type(approve).__name__, approve.options, approve.response_timeout.days),
        "limits": (dag.catchup, dag.max_active_runs),
        "ticks": ticks,
        "backfill": [info.partition_key for info in backfill],
        "months": {value: accepts("month", value) for value in MONTHS},
        "cut_offs": {value: accepts("as_of", value) for value in CUT_OFFS},
    }


DAGS = [airflow.MONTHLY_DAG, airflow.DAILY_DAG, "bureau_feedback"]
MONTHS = {None: True, "2026-05": True, "2026-13": False, "2026-00": False, "May": False, "": False}
CUT_OFFS = {
    None: True,
    "2026-06-03": True,
    "2026-06-03T12:00:00": True,
    "3 June": False,
    "2026-6-3": False,
}


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return in_new_process(describe, tmp_path_factory.mktemp("home"))


def test_the_dag_is_one_line_of_the_steps_in_order_and_then_approval_and_release(monthly):
    line = [*STEPS, "needs_approval", "approve", "release", None]
    edges = {a: [b] if b else [] for a, b in pairwise(line)}
    edges["publish"].append("release")  # what it hands to the release
    assert monthly["edges"] == edges


def test_a_person_has_seven_days_to_approve_or_reject(monthly):
    assert monthly["approval"] == ("HITLOperator", ["Approve", "Reject"], 7)


def test_the_dag_and_the_command_line_run_the_same_steps():
    assert [step.__name__ for step in steps.STEPS] == STEPS


def test_each_task_runs_its_own_step(monthly):
    assert {task: arguments[0] for task, arguments in monthly["op_args"].items()} == {
        step: step for step in STEPS
    }


def test_a_data_fault_is_not_tried_again(monthly):
    assert monthly["limits"] == (False, 16)  # the queue of months has the order
    assert set(monthly["retries"].values()) == {0}


def test_the_schedule_reports_the_month_that_ended_at_six_on_the_third_in_china(monthly):
    assert monthly["ticks"] == [
        ("2026-04-02T22:00:00+00:00", "2026-03"),
        ("2026-05-02T22:00:00+00:00", "2026-04"),
        ("2026-06-02T22:00:00+00:00", "2026-05"),
    ]


def test_a_backfill_reports_the_months_of_its_range(monthly):
    assert monthly["backfill"] == ["2025-12", "2026-01", "2026-02"]


def test_the_form_takes_only_months_and_moments(monthly):
    assert monthly["months"] == MONTHS
    assert monthly["cut_offs"] == CUT_OFFS


@pytest.mark.parametrize(
    ("partition_key", "month", "expected"),
    [
        ("2026-04", None, "2026-04"),
        (None, "2026-05", "2026-05"),
        ("2026-04", "2026-05", "2026-04"),
        (None, None, ""),
    ],
)
def test_the_month_is_the_key_of_the_run_or_else_of_the_form(
    monthly, partition_key, month, expected
):
    for _, template, as_of, moment in monthly["op_args"].values():
        context = {"partition_key": partition_key, "params": {"month": month, "as_of": None}}
        assert Template(template).render(context) == expected
        assert Template(as_of).render(context) == ""
        run = SimpleNamespace(run_after=datetime(2026, 6, 3, tzinfo=UTC))
        assert Template(moment).render(dag_run=run) == "2026-06-03T00:00:00+00:00"


def test_dag_files_import_the_package_only_inside_tasks():
    for path in airflow.DAGS.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "reporting"], path.name


# Months run through it


class Recorder:
    """Stands in for the steps, and remembers how each was called."""

    def __init__(self, fault: tuple[str, str], error: Exception) -> None:
        self.calls: list[tuple[str, str, Settings]] = []
        self.fault, self.error = fault, error
        for name in STEPS:
            setattr(steps, name, self._step(name))
        release_tasks.request = lambda *_: None  # these steps build nothing

    def _step(self, name: str) -> Callable[[Run, Settings], None]:
        def step(run: Run, settings: Settings) -> None:
            self.calls.append((name, run.label, settings))
            if (name, run.label) == self.fault:
                raise self.error

        return step

    def steps(self) -> list[tuple[str, str]]:
        return [(name, month) for name, month, _ in self.calls]


def run_through_faults(settings: Settings) -> dict[str, Any]:
    """2026-04 fails at first and is run again; 2026-05 meets a bug, whose kind alone is said."""
    before = dict(os.environ)
    recorder = Recorder(("build_records", "2026-04"), DataNotFit("bills: no column due_on"))
    try:
        airflow.run_in_process(["2026-03", "2026-04", "2026-05"], settings)
        error = None
    except ReportingError as raised:
        error = raised
    first = recorder.steps()
    again = Recorder(("", ""), DataNotFit(""))
    airflow.run_in_process(["2026-04"], settings)
    Recorder(("land", "2026-05"), ZeroDivisionError("a bug"))
    place = r"airflow\.py, line \d+"
    with pytest.raises(Unforeseen, match=rf"^unforeseen ZeroDivisionError \({place}\)$"):
        airflow.run_in_process(["2026-05"], settings)
    return {
        "first": first,
        "error": (type(error), str(error), getattr(error, "exit_code", None)),
        "again": again.steps(),
        "settings": {repr(seen) for _, _, seen in recorder.calls},
        "environment_restored": dict(os.environ) == before,
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, landing=str(home / "in"), notice_lead_days=2, threads=1)


@pytest.fixture(scope="module")
def outcome(settings: Settings) -> dict[str, Any]:
    return in_new_process(run_through_faults, settings)


def test_months_run_in_order_up_to_the_failed_step(outcome):
    march = [(step, "2026-03") for step in STEPS]
    april = [(step, "2026-04") for step in STEPS]
    assert outcome["first"] == march + april[: STEPS.index("build_records") + 1]


def test_the_failed_step_says_its_own_line_and_exit_code(outcome):
    assert outcome["error"] == (DataNotFit, "bills: no column due_on", 1)


def test_a_failed_month_can_be_run_again_in_the_same_process(outcome):
    assert outcome["again"] == [(step, "2026-04") for step in STEPS]


def test_the_steps_get_the_settings_of_the_caller(outcome, settings):
    assert outcome["settings"] == {repr(settings)}
    assert outcome["environment_restored"]


def test_a_wrong_month_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(BadCall, match="2026-13"):
        airflow.run_in_process(["2026-03", "2026-13"], Settings(home=tmp_path / "home"))
    assert not (tmp_path / "home").exists()


def run_without_a_month(settings: Settings) -> tuple[set[str], str]:
    """The months that the steps get from a run without a key and without a form."""
    recorder = Recorder(("", ""), DataNotFit(""))
    os.environ.update(airflow.airflow_variables(settings, debug=False))
    os.environ.update(airflow.reporting_variables(settings))
    with exclusive(settings):
        run = airflow.load_dag().test(run_after=datetime(2026, 5, 31, 16, tzinfo=UTC))
    return {month for _, month in recorder.steps()}, str(run.state)


@pytest.mark.nightly
def test_a_run_without_a_month_takes_the_one_that_ended_last_in_china(settings):
    assert in_new_process(run_without_a_month, settings) == ({"2026-05"}, "success")


def test_the_last_step_alone_updates_the_asset_of_a_finished_month(monthly):
    updated = {task: names for task, names in monthly["outlets"].items() if names}
    assert updated == {"publish": ["credit_reporting_month"]}


def test_each_task_says_what_its_step_does_and_who_acts_first(monthly):
    for step in steps.STEPS:
        owner, words = monthly["words"][step.__name__]
        assert words.startswith(inspect.getdoc(step))
        assert owner in ("data_delivery", "pipeline", "compliance")
        assert ("docs/checks.md" in words) == step.__name__.startswith("check_")
    assert monthly["words"]["approve"][0] == "compliance"
    assert all(words for _, words in monthly["words"].values())


def test_both_dags_send_what_failed(monthly):
    assert monthly["callbacks"] == [True, True, True]
