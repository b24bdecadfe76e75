"""A backfill with the real scheduler, without options: in order, and never past a failed month."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.airflow_server import AirflowServer, needs_make, running_airflow
from support.lender_months import settings_in

from reporting.store.month_order import stale_runs
from reporting.store.published import built_months
from reporting.synthetic import lender

MARCH, APRIL, MAY = "2026-03", "2026-04", "2026-05"
RUNS = "/dags/monthly_credit_reporting/dagRuns"
PATIENCE = 900  # seconds; a bound against hanging, nothing is measured

pytestmark = needs_make


class Airflow:
    """What a person does and sees: the command line and the web server's API."""

    def __init__(self, server: AirflowServer) -> None:
        self.server, self.home = server, server.home

    def backfill(self, *options: str) -> None:
        """Start a backfill of the three months and wait for its end."""
        dates = ["--from-date", f"{MARCH}-01", "--to-date", f"{MAY}-31"]
        command = ["backfill", "create", "--dag-id", "monthly_credit_reporting", *dates, *options]
        for _ in range(PATIENCE):
            done = subprocess.run(  # our own interpreter and our own arguments
                [sys.executable, "-m", "airflow", *command],
                env=os.environ | {"AIRFLOW_HOME": str(self.home), "PYTHONWARNINGS": "ignore"},
                check=False,
                capture_output=True,
                text=True,
            )
            # the scheduler calls a backfill ended some time after its last run has ended
            if "AlreadyRunningBackfill" not in done.stderr:
                break
            time.sleep(1)
        assert done.returncode == 0, done.stderr[-2000:]
        for _ in range(PATIENCE):
            if all(run["state"] in ("success", "failed") for run in self.backfilled()):
                return
            time.sleep(1)
        raise AssertionError(self.backfilled())

    def backfilled(self) -> list[dict[str, Any]]:
        """The runs of backfills, the newest of each month last; what has not begun is newest."""
        runs = self.server.get(RUNS)["dag_runs"]
        runs = [run for run in runs if run["run_type"] == "backfill"]
        return sorted(runs, key=lambda run: (run["partition_key"], run["start_date"] or "later"))

    def states(self) -> dict[str, str]:
        """State of each month's newest backfill run."""
        return {run["partition_key"]: run["state"] for run in self.backfilled()}

    def tasks(self, month: str) -> dict[str, dict[str, Any]]:
        """The tasks of a month's newest backfill run by name."""
        run = [run for run in self.backfilled() if run["partition_key"] == month][-1]
        answer = self.server.get(f"{RUNS}/{quote(run['dag_run_id'])}/taskInstances")
        return {task["task_id"]: task for task in answer["task_instances"]}

    def log(self, month: str, task: str) -> str:
        """What the task wrote in every run of the month."""
        logs = (self.home / "logs").glob(f"*/run_id=backfill__*{month}*/task_id={task}/*.log")
        return "\n".join(path.read_text(encoding="utf-8") for path in logs)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = settings_in(tmp_path_factory.mktemp("backfill"))
    lender.generate(Path(settings.landing), accounts=100, months=3, seed=7)
    with running_airflow(settings) as server:
        yield Airflow(server), settings


@pytest.mark.nightly
def test_a_backfill_builds_month_after_month_and_stops_at_a_failed_one_until_it_is_repaired(
    airflow,
):
    server, settings = airflow
    obstacle = settings.work / APRIL  # the folder of April cannot be made
    settings.work.mkdir(parents=True, exist_ok=True)
    obstacle.touch()

    server.backfill()
    assert server.states() == {MARCH: "success", APRIL: "failed", MAY: "failed"}
    assert "cannot make the folder" in server.log(APRIL, "land")
    assert "2026-05 is not built because 2026-04 failed" in server.log(MAY, "land")
    assert [f"{built.month:%Y-%m}" for built in built_months(settings)] == [MARCH]

    obstacle.unlink()
    server.backfill("--reprocess-behavior", "failed")
    assert server.states() == dict.fromkeys((MARCH, APRIL, MAY), "success")
    assert [run["partition_key"] for run in server.backfilled()].count(MARCH) == 1
    built = built_months(settings)
    assert [f"{entry.month:%Y-%m}" for entry in built] == [MARCH, APRIL, MAY]
    assert [entry.built_on for entry in built] == [None, built[0].run_id, built[1].run_id]
    assert not stale_runs(settings)
    assert (
        server.tasks(APRIL)["publish"]["end_date"]
        < server.tasks(MAY)["check_landing"]["start_date"]
    )
    assert "waits for 2026-03" in server.log(APRIL, "land")  # both began while March was built
