"""What fails under the real scheduler, where nobody reads what a task prints, is sent once."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.airflow_server import (
    AirflowServer,
    needs_make,
    processes_of,
    running_airflow,
    wait_until,
)
from support.lender_months import settings_in
from support.web_server import listening

from reporting.core.settings import Settings
from reporting.core.workspace import exclusive

pytestmark = needs_make


class Unattended:
    """A scheduler over a landing zone that is not there, and what its alerts say."""

    def __init__(
        self, settings: Settings, server: AirflowServer, posted: list[dict[str, Any]]
    ) -> None:
        self.settings, self.server, self.posted = settings, server, posted
        self.home = server.home

    def trigger(self, dag: str, conf: dict[str, str]) -> None:
        subprocess.run(
            [sys.executable, "-m", "airflow", "dags", "trigger", dag, "--conf", json.dumps(conf)],
            env=os.environ | {"AIRFLOW_HOME": str(self.home), "PYTHONWARNINGS": "ignore"},
            check=True,
            capture_output=True,
        )

    def written(self, task: str) -> str:
        """What the processes of a task have written."""
        logs = (self.home / "logs").glob(f"*/*/task_id={task}/*.log")
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)

    def task_processes(self) -> list[int]:
        """The processes in which tasks work now; the LocalExecutor's own have another title."""
        titles = {
            process: Path(f"/proc/{process}/cmdline").read_bytes()
            for process in processes_of(self.server.session)
        }
        title = re.compile(rb"airflow worker -- [0-9a-f-]{36}")
        return [process for process, said in titles.items() if title.match(said)]

    def callbacks(self) -> int:
        """How many failed runs the DAG processor has dealt with."""
        logs = (self.home / "logs" / "dag_processor").rglob("*.log")
        text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
        return text.count("Executing on_failure dag callback")


@pytest.fixture(scope="module")
def unattended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unattended]:
    settings = settings_in(tmp_path_factory.mktemp("unattended"))
    with listening() as (connection, posted), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK", connection)
        with running_airflow(settings) as server:
            yield Unattended(settings, server, posted)


@pytest.mark.nightly
def test_a_failed_run_is_sent_once_whoever_finds_it(unattended: Unattended) -> None:
    """First by the task, with its words; then by the DAG processor, where the task was killed."""
    unattended.trigger("monthly_credit_reporting", {"month": "2026-05"})
    wait_until(lambda: unattended.callbacks() == 1)
    [post] = unattended.posted
    assert (post["audience"], post["outcome"], post["month"]) == ("pipeline", "stopped", "2026-05")
    assert "there is no folder" in post["text"]
    assert "(task land of monthly_credit_reporting)" in post["text"]

    with exclusive(unattended.settings):
        unattended.trigger("monthly_credit_reporting", {"month": "2026-04"})
        wait_until(lambda: "waiting for it" in unattended.written("land"))
        [process] = unattended.task_processes()
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: len(unattended.posted) > 1)
    _, post = unattended.posted
    assert (post["audience"], post["outcome"], post["month"]) == ("pipeline", "stopped", "2026-04")
    assert "it was killed or could not begin" in post["text"]
    assert "(task land of monthly_credit_reporting)" in post["text"]


@pytest.mark.nightly
def test_a_watch_that_could_not_look_is_sent_once(unattended: Unattended) -> None:
    before = len(unattended.posted), unattended.callbacks()
    unattended.trigger("daily_landing_watch", {"day": "2026-06-02"})
    wait_until(lambda: unattended.callbacks() > before[1])
    [post] = unattended.posted[before[0] :]
    assert (post["audience"], post["outcome"]) == ("pipeline", "watched")
    assert "there is no folder" in post["text"]
