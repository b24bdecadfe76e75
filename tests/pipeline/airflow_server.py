"""`make airflow` as a test sees it: a server of its own, stopped with all its processes."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reporting.settings import PROJECT_ROOT, Settings

PATIENCE = 900  # seconds; ends what hangs, and nothing is measured: one busy core is enough

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


@contextmanager
def running_airflow(settings: Settings) -> Iterator[str]:
    """The address of an Airflow that knows the monthly DAG and works with these settings."""
    port = _free_port()
    command = ["make", "--old-file=.venv/.installed", "airflow", f"PORT={port}"]
    environment = os.environ | {
        "REPORTING_HOME": str(settings.home),
        "REPORTING_LANDING": settings.landing,
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(_free_port()),
    }
    # Ctrl+C must reach the server even where these tests run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.home.mkdir(parents=True, exist_ok=True)
    output = settings.home / "airflow.log"
    with output.open("w") as log:
        server = subprocess.Popen(  # its own process group, so that all of it can be stopped
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield _wait_for(f"http://localhost:{port}", server, output)
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the DAG is known to the web server."""
    dag = f"{address}/api/v2/dags/monthly_credit_reporting"
    for _ in range(PATIENCE):
        try:
            with urllib.request.urlopen(dag):  # noqa: S310 - the address is ours
                return address
        except (urllib.error.URLError, ConnectionError):
            assert server.poll() is None, log.read_text()
            time.sleep(1)
    raise AssertionError(log.read_text())
