"""What the DAGs' tasks run, and how to run the monthly DAG without a scheduler.

``run_in_process`` runs the same DAG as the scheduler, with Airflow's own ``dag.test()`` and a small
SQLite file as Airflow's database. It does not use the scheduler's database, since a live scheduler
would start the tasks of such a run a second time.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import duckdb
from pluggy import HookimplMarker
from rich.console import Console

from reporting.alerts import open_alerts
from reporting.alerts.alert import ANSWERS_UNREAD, WATCH_ITSELF, Alert, Fault
from reporting.alerts.send import send_alert
from reporting.core import safe_text
from reporting.core.errors import BadCall, NothingToSend, ReportingError
from reporting.core.run import CHINA, Run, month_before
from reporting.core.settings import PROJECT_ROOT, Settings, load_settings
from reporting.core.workspace import exclusive, is_held, private_folder
from reporting.pipeline import finished_month, month_queue, release_tasks
from reporting.pipeline.guard import Result, clear_after_dbt, guarded
from reporting.store import run_marks
from reporting.store.month_order import run_of

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAGS = PROJECT_ROOT / "dags"
MONTHLY_DAG = "monthly_credit_reporting"
DAILY_DAG = "daily_landing_watch"
APPROVAL = "approve"  # the one task that is Airflow's own and fails for one reason
UNANSWERED = "it was not answered in time, and the month stays built; clear the task for an answer"
KILLED = "it was killed or could not begin; see its log in Airflow"

log = logging.getLogger(__name__)
hookimpl = HookimplMarker("airflow")  # marks Airflow's callbacks without importing Airflow


def run_step(step: str, month: str, as_of: str, moment: str) -> str | dict[str, Any] | None:
    """Run one step of a month, as a task of the DAG does; the settings come from the environment.

    ``step`` names a function of ``reporting.pipeline.steps``; an empty ``month`` means the last
    full month before ``moment`` (the run's own time), an empty ``as_of`` the usual cut-off. The
    first step waits for its turn; every step waits until no other process works in the home folder.
    Returns the month, which Airflow shows; the last step returns what an approver is asked. Raises
    ReportingError with one line when the month must stop here.
    """
    return guarded(lambda: _run_step(step, month, as_of, moment))


def _run_step(step: str, month: str, as_of: str, moment: str) -> str | dict[str, Any] | None:
    month = month or month_before(datetime.fromisoformat(moment))
    log.info("step %s of month %s", step, month)
    with alert_unattended(MONTHLY_DAG, step, month, as_of):
        from reporting.pipeline import steps

        settings = load_settings()
        if step == month_queue.FIRST and not is_held(settings):
            month_queue.wait_for_turn(f"{run_of(month, as_of or None, settings).month:%Y-%m}")
        # the last step writes in the ledger who has built
        actor = release_tasks.as_builder(settings) if step == month_queue.LAST else nullcontext()
        with actor, exclusive(settings, wait=True), _skipped_if_nothing_to_send():
            run = run_of(month, as_of or None, settings)  # under the lock: no release can end now
            said = getattr(steps, step)(run, settings)
            done: str | dict[str, Any] | None = month
            if step == month_queue.LAST:
                done = release_tasks.request(run, settings) if said is None else None
                finished_month.announce(run, settings)
        if said is not None:
            log.info(said)
    clear_after_dbt()
    return done


@contextmanager
def _skipped_if_nothing_to_send() -> Iterator[None]:
    """Skip this task and those behind it if a supplement has nothing to send."""
    from airflow.sdk.exceptions import AirflowSkipException

    try:
        yield
    except NothingToSend as said:
        raise AirflowSkipException(str(said)) from None


def needs_approval(built: release_tasks.Request | None) -> bool:
    """Whether a person must decide about what ``publish`` built, as a task of the DAG."""
    if built is None:
        return False
    return _run_after_build("needs_approval", built, lambda: release_tasks.needs_approval(built))


def release_month(built: release_tasks.Request, decision: Mapping[str, Any] | None) -> str:
    """Act on the answer to ``approve``, as a task of the DAG; Airflow shows what was done."""
    return _run_after_build("release", built, lambda: release_tasks.release_month(built, decision))


def _run_after_build(task: str, built: release_tasks.Request, work: Callable[[], Result]) -> Result:
    def attended() -> Result:
        with alert_unattended(MONTHLY_DAG, task, built["month"], run=release_tasks.run_of(built)):
            return work()

    return guarded(attended)


def run_watch(moment: str) -> None:
    """Run the daily watch, as the task of its DAG does; the settings come from the environment.

    ``moment`` is the run's own time, or a day in China. Raises DataNotFit on a critical failure.
    """
    guarded(lambda: _run_watch(moment))


def _run_watch(moment: str) -> None:
    with alert_unattended(DAILY_DAG, run_marks.WATCH, run_marks.WATCH):
        from reporting.monitoring import watch

        at = datetime.fromisoformat(moment)
        day = (at.astimezone(CHINA) if at.tzinfo else at).date()
        watch.require_fit(watch.watch(day, load_settings()))


def alert_on_failure(context: dict[str, Any]) -> None:
    """Alert that a task of a run failed, unless the task has sent its error itself.

    The callback of both DAGs. Airflow's DAG processor calls it, also for tasks that were killed or
    could not start.
    """
    guarded(lambda: _alert_on_failure(context))


def _alert_on_failure(context: dict[str, Any]) -> None:
    dag, run, task = context["dag"].dag_id, context.get("dag_run"), context.get("ti")
    name = task.task_id if task else "unknown"
    # Airflow resets it when tasks of the run are cleared; it is not the time when the task began
    since = (run.start_date if run else None) or datetime.max.replace(tzinfo=UTC)
    month, as_of = run_marks.WATCH, ""
    if dag == MONTHLY_DAG:
        month = month_queue.month_of(run) if run else month_before(run_marks.now())
        as_of = str((run.conf or {}).get("as_of") or "") if run else ""
    words = UNANSWERED if name == APPROVAL else KILLED
    _alert(_Failure(dag, name, month, as_of, None, words), since)


@contextmanager
def alert_unattended(
    dag: str, task: str, month: str, as_of: str = "", run: Run | None = None
) -> Iterator[None]:
    """Send an error of a task that no step has sent, since a task's output is not watched."""
    since = run_marks.now()
    try:
        yield
    except month_queue.WaitsInVain:
        run_marks.settle(_settings_for_alerts(), month, task)
        raise
    except Exception as error:
        if not type(error).__module__.startswith("airflow."):  # such as a request to reschedule
            _alert(_Failure(dag, task, month, as_of, run, safe_text.of_error(error)), since)
        raise


@dataclass(frozen=True)
class _Failure:
    """A task that failed, and the reason, without a value of a row.

    ``month`` is the mark of the watch where no month failed; an empty ``as_of`` the usual cut-off;
    ``run`` what they mean, where that is known.
    """

    dag: str
    task: str
    month: str
    as_of: str
    run: Run | None
    words: str


def _alert(failure: _Failure, since: datetime) -> None:
    """Send a failure to ``pipeline``, unless its error was settled since a moment."""
    settings = _settings_for_alerts()
    is_month = failure.dag == MONTHLY_DAG
    run = failure.run or _run_of(failure.month, failure.as_of, settings)
    mark = run.label if is_month else failure.month
    # without a scheduler the DAG runs at a terminal, where the error is seen
    if is_held(settings) or run_marks.is_settled(settings, mark, since):
        return
    line = f"{failure.words} (task {failure.task} of {failure.dag})"
    now = run_marks.now()
    if is_month:
        fault = Fault.in_step(failure.task, line, "pipeline")
        alert = Alert.stopped(run, settings, [], fault)
    elif failure.dag == DAILY_DAG:
        fault = Fault(WATCH_ITSELF, line, "pipeline")
        alert = Alert.watched(now.date(), run.month, settings, [], fault)
    elif open_alerts.recall(settings).ids(ANSWERS_UNREAD):  # repeated daily until somebody has it
        run_marks.settle(settings, mark, failure.task)
        return
    else:
        fault = Fault(ANSWERS_UNREAD, line, "pipeline")
        alert = Alert.answered(now, run.month, settings, [], (), fault)
    if any(send_alert(alert, settings).values()):
        run_marks.settle(settings, mark, failure.task)


def _settings_for_alerts() -> Settings:
    """The settings; if one of them is invalid, the defaults with the same home folder."""
    try:
        return load_settings()
    except BadCall:
        home = os.environ.get("REPORTING_HOME") or Settings.model_fields["home"].default
        return Settings.model_construct(home=Path(home))


def _run_of(month: str, as_of: str, settings: Settings) -> Run:
    """The run that a task is about; the own run of the last full month where that is not known."""
    try:
        return run_of(month, as_of or None, settings)
    except (ReportingError, OSError, duckdb.Error):  # also a damaged ledger
        pass
    try:
        return Run.of(month, None, settings)
    except BadCall:
        return Run.of(month_before(run_marks.now()), None, settings)


def run_in_process(months: list[str], settings: Settings, debug: bool = False) -> None:
    """Run the DAG for these months (``YYYY-MM``), in this order, without a scheduler.

    Prints one line for each finished step. Stops at the first month that fails and raises the
    failed step's own error. ``debug`` shows Airflow's log and tracebacks.
    """
    for month in months:
        Run.of(month, None, settings)  # an invalid month is reported before anything runs
    variables = airflow_variables(settings, debug) | reporting_variables(settings)
    with exclusive(settings), _environment(variables):
        dag = load_dag()
        follower = _follow_steps()
        for month in months:
            follower.begin(month)
            # no one answers here: a run is approved by the command, and released if it was
            dag_run = dag.test(run_conf={"month": month}, mark_success_pattern=APPROVAL)
            if follower.error is not None:
                raise follower.error
            if dag_run.state != "success":
                raise RuntimeError(f"{month}: Airflow ended the run as {dag_run.state}")


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables inside the block; Airflow, the tasks and dbt read them."""
    before = os.environ.copy()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def reporting_variables(settings: Settings) -> dict[str, str]:
    """The settings as the variables that ``load_settings`` reads back in the tasks."""
    values = settings.model_dump(exclude_none=True)
    return {
        f"REPORTING_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }


def airflow_variables(settings: Settings, debug: bool) -> dict[str, str]:
    """Airflow's configuration; it is read at the first import of Airflow in this process."""
    home = private_folder(settings.home.resolve() / "airflow" / "in_process")
    quiet = "airflow=CRITICAL task=CRITICAL py.warnings=ERROR"  # a failed step raises its own error
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO" if debug else "WARNING",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "" if debug else quiet,
    }


def load_dag(name: str = MONTHLY_DAG) -> "DAG":
    """Load a DAG from its file, after creating or migrating Airflow's tables."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import upgradedb

    upgradedb()
    bag = DagBag(DAGS / f"{name}.py")
    for error in bag.import_errors.values():
        raise RuntimeError(f"the DAG {name} does not load:\n{error}")
    return bag.dags[name]


class _Follower:
    """Listener for finished steps: prints a line for each and keeps the error of a failed one."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.error: BaseException | None = None

    def begin(self, month: str) -> None:
        """Start the clock of a month."""
        self.month, self.started = month, perf_counter()

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Print that a step is done."""
        self._say(task_instance.task_id, "done")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException) -> None:
        """Keep the error of a failed step, which Airflow itself would only log."""
        self.error = error
        self._say(task_instance.task_id, "[red]failed[/red]")

    def _say(self, step: str, outcome: str) -> None:
        now = perf_counter()
        self.console.print(f"{self.month}  {step:<14} {outcome} in {now - self.started:.1f} s")
        self.started = now


def _follow_steps() -> _Follower:
    from airflow.sdk.listener import get_listener_manager

    follower = _Follower(Console(highlight=False))
    manager: Any = get_listener_manager()  # its methods carry no types
    manager.clear()  # the follower of an earlier call
    manager.add_listener(follower)
    return follower
