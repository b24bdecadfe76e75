"""`make airflow` in a browser: the form refuses what is no month, and a fault is told in its log.

The landing zone is empty, so the month must stop at its first step: nothing needs to be built.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lender_months import settings_in

from pipeline.airflow_server import PATIENCE, needs_make, running_airflow

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

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    needs_make,
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Airflow over an empty landing zone."""
    settings = settings_in(tmp_path_factory.mktemp("ui"))
    Path(settings.landing).mkdir()
    with running_airflow(settings) as address:
        yield address


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
        trigger.press("Enter")  # the message about "May" may cover the button
        page.wait_for_url("**/runs/manual__*")
        run = page.url
        page.get_by_test_id("state-badge").get_by_text("Failed").first.wait_for()

        page.goto(f"{run}/tasks/land")
        page.get_by_text("table customers: no Parquet or CSV file").first.wait_for()
        browser.close()
