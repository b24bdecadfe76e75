"""`make airflow` in a browser: the form refuses what is no month, and a fault is told in its log.

The landing zone is empty, so the month must stop at its first step: nothing needs to be built.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reporting.settings import PROJECT_ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120  # seconds; a bound against hanging, nothing is measured

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Airflow; it is stopped, with all its processes, at the end."""
    home = tmp_path_factory.mktemp("home")
    (home / "landing").mkdir()
    port = free_port()
    command = ["make", "--old-file=.venv/.installed", "airflow", f"PORT={port}"]
    environment = os.environ | {
        "REPORTING_HOME": str(home),
        "REPORTING_LANDING": str(home / "landing"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }
    # Ctrl+C must reach the server even where these tests run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with (home / "airflow.log").open("w") as log:
        server = subprocess.Popen(  # its own process group, so that all of it can be stopped
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield wait_for(f"http://localhost:{port}", server, home / "airflow.log")
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(PATIENCE)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> str:
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


def test_a_month_is_triggered_from_the_form_and_its_fault_is_told(address):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{address}/dags/monthly_credit_reporting")
        page.get_by_role("button", name="Trigger").first.click()
        trigger = page.get_by_role("dialog").get_by_role("button", name="Trigger")

        page.locator("#element_month").fill("May")
        trigger.click()
        page.get_by_text("Invalid input for param month").wait_for()

        page.locator("#element_month").fill("2026-05")
        trigger.click()
        page.wait_for_url("**/runs/manual__*")
        run = page.url
        page.get_by_test_id("state-badge").get_by_text("Failed").first.wait_for()

        page.goto(f"{run}/tasks/land")
        page.get_by_text("table customers: no .parquet or .csv").first.wait_for()
        browser.close()
