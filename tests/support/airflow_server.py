"""`make airflow` as a test sees it: a server of its own, stopped with all its processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from reporting.core.settings import PROJECT_ROOT, Settings
from reporting.pipeline.airflow import reporting_variables

PATIENCE = 900  # seconds; ends what hangs, and nothing is measured: one busy core is enough

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


@dataclass(frozen=True)
class AirflowServer:
    """A running server: where it answers, what it keeps, and who may log in."""

    address: str
    home: Path
    session: int  # of all its processes

    @property
    def passwords(self) -> Path:
        return self.home / "passwords.json"

    def password(self, user: str) -> str:
        return str(json.loads(self.passwords.read_text(encoding="utf-8"))[user])

    def log_in(self, user: str, password: str) -> httpx.Response:
        body = {"username": user, "password": password}
        return httpx.post(f"{self.address}/auth/token", json=body, timeout=PATIENCE)

    def client(self, user: str = "builder") -> httpx.Client:
        """What asks the API as this user."""
        token = self.log_in(user, self.password(user)).raise_for_status().json()["access_token"]
        return httpx.Client(
            base_url=f"{self.address}/api/v2",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )

    def get(self, path: str) -> Any:
        """The answer of the API to a builder."""
        with self.client() as client:
            return client.get(path).raise_for_status().json()


@contextmanager
def running_airflow(
    settings: Settings, variables: Mapping[str, str] | None = None
) -> Iterator[AirflowServer]:
    """An Airflow that knows the monthly DAG and works with these settings.

    ``variables`` are settings of Airflow itself.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Ctrl+C must reach the server even where these tests run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server, output = start_airflow(settings, port, variables)
    try:
        home = settings.home / "airflow" / "server"
        airflow = AirflowServer(f"http://localhost:{port}", home, server.pid)
        _wait_for(airflow, server, output)
        yield airflow
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(PATIENCE)
        assert not processes_of(server.pid)


def start_airflow(
    settings: Settings, port: int, variables: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], Path]:
    """`make airflow` in a session of its own, and the file in which it prints."""
    command = ["make", "--old-file=.venv/.installed", "airflow", f"PORT={port}"]
    settings.home.mkdir(parents=True, exist_ok=True)
    output = settings.home / "airflow.log"
    with output.open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=_environment() | _given(settings) | dict(variables or {}),
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that all of it can be found and stopped
        )
    return server, output


def _given(settings: Settings) -> dict[str, str]:
    """The settings that have a value; `make airflow` has values of its own for some others."""
    return {name: value for name, value in reporting_variables(settings).items() if value}


def _environment() -> dict[str, str]:
    """What `make airflow` finds in a shell: no setting of Airflow that other tests have left."""
    left = ("AIRFLOW_HOME", "AIRFLOW__")
    return {name: value for name, value in os.environ.items() if not name.startswith(left)}


def processes_of(session: int) -> set[int]:
    """The processes that a server has started, by the kernel's own list."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # a process that has ended
            continue
        if int(its_session) == session and state != "Z":
            found.add(int(stat.parts[2]))
    return found


def _wait_for(airflow: AirflowServer, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the DAG is known to the web server."""
    for _ in range(PATIENCE):
        try:
            airflow.get("/dags/monthly_credit_reporting")
            return
        except (httpx.HTTPError, FileNotFoundError):  # it does not answer yet, or has no users
            assert server.poll() is None, log.read_text()
            time.sleep(1)
    raise AssertionError(log.read_text())


def wait_until(is_so: Callable[[], object]) -> None:
    """Look once a second until it is so."""
    for _ in range(PATIENCE):
        if is_so():
            return
        time.sleep(1)
    raise AssertionError
