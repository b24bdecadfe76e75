"""The queue of monthly runs: months build on one another, so runs of the DAG go one by one.

A backfill starts ten runs at once, whatever the DAG allows, and a run triggered by hand may come
between them. So the first task of each run looks up in Airflow's database which runs go before it,
and is rescheduled while there are any. Only one first task runs at a time
(``max_active_tis_per_dag``), so two runs never start at once.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reporting.core.errors import BadCall
from reporting.core.run import month_before, parse_month, previous_month

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

log = logging.getLogger(__name__)

FIRST, LAST = "land", "publish"  # a run works from the end of its first task to that of its last
BACKFILL = "backfill"
# A run is not started yet, or started and waiting for its turn, or working, or has ended.
QUEUED, WAITING, WORKING, DONE, FAILED = "queued", "waiting", "working", "done", "failed"
ENDED = {"success": DONE, **dict.fromkeys(("failed", "upstream_failed", "skipped"), FAILED)}
WAIT = timedelta(seconds=15)  # per run ahead; shorter than a month's run, so no time is lost


class WaitsInVain(BadCall):
    """A run that cannot begin because another run failed; that run has sent its own alert."""


@dataclass(frozen=True)
class MonthRun:
    """A run of the DAG as Airflow knows it now."""

    month: str
    is_backfill: bool
    state: str
    started_at: datetime | None


def wait_for_turn(month: str) -> None:
    """Return when this run may land its month; otherwise have Airflow reschedule its task.

    Called in a task. Raises WaitsInVain if waiting would not help.
    """
    from airflow.sdk import get_current_context
    from airflow.sdk.exceptions import AirflowRescheduleException

    context = get_current_context()
    is_backfill = context["dag_run"].run_type == BACKFILL
    ahead = runs_ahead(month, is_backfill, list(_other_runs(context["ti"])))
    if ahead:
        log.info("waits for %s", ", ".join(f"{run.month} ({run.state})" for run in ahead))
        again_at = datetime.now(UTC) + len(ahead) * WAIT
        raise AirflowRescheduleException(again_at)  # type: ignore[no-untyped-call]


def runs_ahead(month: str, is_backfill: bool, others: list[MonthRun]) -> list[MonthRun]:
    """The runs that go before a run of this month: those working, and those of earlier months.

    A queued run counts only if a backfill will start it, since a run that the DAG itself queued may
    be queued behind this one. Raises WaitsInVain if waiting would not help: the month before
    failed, or an earlier month of this backfill is queued behind it.
    """
    earlier = sorted((run for run in others if run.month < month), key=lambda run: run.month)
    queued = [run for run in earlier if run.state == QUEUED and run.is_backfill]
    if is_backfill:
        if failed := _failed_before(month, earlier):
            raise WaitsInVain(
                f"month {month} is not built because {failed} failed: correct that, "
                "then backfill the months again with --reprocess-behavior failed"
            )
        if queued:
            raise WaitsInVain(
                f"month {month} is not built because {queued[0].month} is queued behind it: "
                "backfill again with --reprocess-behavior failed, without --run-backwards"
            )
    return [
        *queued,
        *(run for run in earlier if run.state == WAITING),
        *(run for run in others if run.state == WORKING),
    ]


def _failed_before(month: str, earlier: list[MonthRun]) -> str | None:
    """The earliest failed month among the unbuilt months directly before this one."""
    newest = {}  # a backfill that reprocesses leaves the older run of the month as it was
    for run in sorted(earlier, key=lambda run: run.started_at or datetime.min.replace(tzinfo=UTC)):
        if run.is_backfill:
            newest[run.month] = run.state
    failed = None
    while True:
        month = f"{previous_month(parse_month(month)):%Y-%m}"
        if newest.get(month) not in (WAITING, FAILED):
            return failed
        failed = month if newest[month] == FAILED else failed


def _other_runs(instance: "RuntimeTaskInstanceProtocol") -> Iterable[MonthRun]:
    """The other runs of the DAG; of the ended ones, only those of a backfill."""
    tasks = instance.get_task_states(dag_id=instance.dag_id, task_ids=[FIRST, LAST])
    for run_id, states in tasks.items():
        ended = ENDED.get(states.get(LAST))
        if run_id == instance.run_id or (ended and not run_id.startswith(BACKFILL)):
            continue
        run = _dag_run(instance.dag_id, run_id)
        month = month_of(run)
        state = ended or {"queued": QUEUED, "failed": FAILED, "success": DONE}.get(run.state)
        started = WORKING if states.get(FIRST) == "success" else WAITING
        yield MonthRun(month, run.run_type == BACKFILL, state or started, run.start_date)


def month_of(run: Any) -> str:
    """The month of a run: from its key, else from its form, else the last full month."""
    month = run.partition_key or (run.conf or {}).get("month")
    return str(month or month_before(run.run_after))


def _dag_run(dag_id: str, run_id: str) -> Any:
    """A run by its id; tasks may request it, but the SDK has no public function for it."""
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import GetDagRun

    return task_runner.SUPERVISOR_COMMS.send(GetDagRun(dag_id=dag_id, run_id=run_id))
