"""A person at Airflow's web pages: a real browser, signed in as one of the users."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.airflow_server import PATIENCE, AirflowServer

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

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@contextmanager
def signed_in(server: AirflowServer, user: str, path: str) -> Iterator[Any]:
    """A page of the server as this user sees it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1300})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{server.address}{path}")
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password").fill(server.password(user))
        page.get_by_role("button", name="Sign in").click()
        yield page
        browser.close()
