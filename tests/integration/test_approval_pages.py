"""Approval on Airflow's own pages, by two persons, of months that the real scheduler builds.

The approver releases the first month. The builder tries to approve the second; then the approver
rejects it; then nobody answers in time. The tests follow one another.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from support.airflow_pages import needs_browser, signed_in
from support.airflow_server import (
    PATIENCE,
    AirflowServer,
    needs_make,
    running_airflow,
    wait_until,
)
from support.gnupg_keys import made_keys, needs_gpg, with_keys
from support.lender_months import settings_in
from support.web_server import listening

from reporting.core.settings import Settings
from reporting.store.submission_ledger import ledger_views
from reporting.submission.review import MOST_LINES
from reporting.synthetic.lender import generate

pytestmark = [needs_make, pytest.mark.nightly]

DAG = "/dags/monthly_credit_reporting"
FIRST, SECOND = "2026-04", "2026-05"
ENDED = ("success", "failed", "upstream_failed", "skipped")


@dataclass
class Office:
    """A lender's home, the server that works in it, and what its alerts say."""

    settings: Settings
    server: AirflowServer
    posted: list[dict[str, Any]]

    def trigger(self, month: str) -> "MonthRun":
        """The builder starts a month."""
        with self.server.client("builder") as client:
            run = {"logical_date": None, "conf": {"month": month}}
            answer = client.post(f"{DAG}/dagRuns", json=run).raise_for_status().json()
        return MonthRun(self, month, answer["dag_run_id"])

    def events(self, month: str, *kinds: str) -> list[tuple[str, str, str]]:
        """The events of a run in the ledger: kind, who, and why."""
        with ledger_views(self.settings) as connection:
            return connection.execute(
                "select distinct on (batch, event) event, actor, "
                "coalesce(details::json ->> 'reason', '') from marts.submission_events "
                "where strftime(report_month, '%Y-%m') = ? and list_contains(?, event) "
                "order by batch, event",
                [month, list(kinds)],
            ).fetchall()

    def failures(self) -> list[str]:
        """What the alerts said of runs that stopped."""
        return [str(one["text"]) for one in self.posted if one["outcome"] == "stopped"]

    def outbox(self, month: str) -> list[Path]:
        """The sealed files of a month."""
        return list(self.settings.outbox.glob(f"*/{month}/*.enc"))


@dataclass
class MonthRun:
    """A run of the DAG for one month."""

    office: Office
    month: str
    run_id: str

    @property
    def path(self) -> str:
        """Its page, and below ``/api/v2`` what the API says of it."""
        return f"{DAG}/dagRuns/{quote(self.run_id)}"

    def page(self, task: str) -> str:
        return f"{DAG}/runs/{quote(self.run_id)}/tasks/{task}"

    def states(self) -> dict[str, str]:
        tasks = self.office.server.get(f"{self.path}/taskInstances")["task_instances"]
        return {one["task_id"]: one["state"] for one in tasks}

    def until(self, task: str, *states: str) -> str:
        """The state of a task when it is one of these; any other end of the run is a fault."""
        wait_until(lambda: (now := self.states()).get(task) in states or has_failed(now))
        state = self.states()[task]
        assert state in states, self.states()
        return state

    def until_it_ended(self) -> str:
        """How the whole run ended, when its failure was dealt with."""

        def state() -> str:
            return str(self.office.server.get(self.path)["state"])

        wait_until(lambda: state() in ENDED)
        return state()

    def log(self, task: str, attempt: int = 1) -> str:
        """What a task wrote."""
        path = f"{self.path}/taskInstances/{task}/logs/{attempt}"
        return str(self.office.server.get(path)["content"])

    def answer(self, user: str, option: str, reason: str) -> str:
        """A person opens the request, reads it, and answers; returns what the page says."""
        with signed_in(
            self.office.server, user, f"{self.page('approve')}/required_actions"
        ) as page:
            page.get_by_text(f"Release the month {self.month}").wait_for()
            assert page.get_by_role("button", name="Approve").is_disabled()  # without a reason
            page.locator(f"a[href$='/reporting/pages/{self.month}/index.html']").wait_for()
            page.locator("#element_reason").fill(reason)
            seen = str(page.inner_text("body"))
            page.get_by_role("button", name=option).click()
            page.get_by_text(f"from {user}").wait_for()
        return seen

    def ask_again(self) -> None:
        """The builder clears the request, and with it the release."""
        with self.office.server.client("builder") as client:
            tasks = {"task_ids": ["approve"], "include_downstream": True, "only_failed": False}
            body = {"dag_run_id": self.run_id, "dry_run": False, **tasks}
            client.post(f"{DAG}/clearTaskInstances", json=body).raise_for_status()
        self.until("approve", "awaiting_input")
        self.until_the_scheduler_knows()

    def until_the_scheduler_knows(self) -> None:
        """The scheduler has looked at the run twice, and so at the end of the process that asked.

        It takes a task that is answered before that for failed (docs/runbook.md).
        """
        looks: set[str] = set()

        def looked_twice() -> bool:
            looks.add(str(self.office.server.get(self.path)["last_scheduling_decision"]))
            return len(looks) > 2

        wait_until(looked_twice)


def has_failed(states: dict[str, str]) -> bool:
    return "failed" in states.values()


def lender(folder: Path) -> Settings:
    settings = settings_in(folder)
    generate(settings.landing_folder, accounts=120, months=3, seed=1)
    return settings


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    settings = lender(tmp_path_factory.mktemp("office"))
    with (
        made_keys() as keys,
        listening() as (connection, posted),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK", connection)
        settings = with_keys(settings, keys)
        with running_airflow(settings) as server:
            yield Office(settings, server, posted)


@pytest.fixture(scope="module")
def months(office: Office) -> dict[str, MonthRun]:
    """Two months that wait for approval at once."""
    runs = {month: office.trigger(month) for month in (FIRST, SECOND)}
    for run in runs.values():
        run.until("approve", "awaiting_input")
    return runs


@needs_gpg
@needs_browser
def test_a_month_is_built_while_the_one_before_waits_and_both_by_who_started_them(
    office: Office, months: dict[str, MonthRun]
) -> None:
    for month, run in months.items():
        assert run.states()["approve"] == "awaiting_input"
        assert office.events(month, "BUILT") == [("BUILT", "airflow:builder", "")]
        assert office.outbox(month) == []


@needs_gpg
@needs_browser
def test_the_approver_sees_the_month_and_releases_it_after_the_one_before(
    office: Office, months: dict[str, MonthRun]
) -> None:
    run = months[FIRST]
    seen = run.answer("approver", "Approve", "figures as expected")
    shown = seen[seen.index("Release the month") : seen.index("Reason")].split("\n")
    assert len([line for line in shown if line.strip()]) <= MOST_LINES
    assert "built by airflow:builder" in seen
    persons = duckdb.sql(
        f"select name, id_number from '{office.settings.landing}/customers/**/*.parquet'"
    ).fetchall()
    assert [value for row in persons for value in row if value and value in seen] == []

    run.until("release", "success")
    assert run.until_it_ended() == "success"
    assert office.events(FIRST, "APPROVED", "RELEASED") == [
        ("APPROVED", "airflow:approver", "figures as expected"),
        ("RELEASED", "airflow:approver", ""),
    ]
    assert office.outbox(FIRST)
    assert office.outbox(SECOND) == []
    assert office.failures() == []


@needs_gpg
@needs_browser
def test_the_builder_cannot_approve_and_who_rejects_stops_the_month(
    office: Office, months: dict[str, MonthRun]
) -> None:
    run = months[SECOND]
    run.answer("builder", "Approve", "mine")
    run.until("release", "failed")
    line = "airflow:builder built it and cannot approve it"
    assert line in run.log("release")
    assert run.until_it_ended() == "failed"
    assert office.events(SECOND, "APPROVED", "DECLINED") == []
    wait_until(office.failures)
    [alert] = office.failures()
    assert f"{line} (task release of monthly_credit_reporting)" in alert

    run.ask_again()
    run.answer("approver", "Reject", "overdue is too high")
    run.until("release", "failed")
    line = f"{SECOND} was declined by airflow:approver (overdue is too high); run it again"
    assert line in run.log("release", attempt=2)
    assert office.events(SECOND, "APPROVED", "DECLINED", "RELEASED") == [
        ("DECLINED", "airflow:approver", "overdue is too high")
    ]
    assert office.outbox(SECOND) == []
    wait_until(lambda: len(office.failures()) > 1)
    [_, alert] = office.failures()
    assert line in alert


@needs_gpg
@needs_browser
def test_without_an_answer_in_time_the_month_stays_as_it_was(
    office: Office, months: dict[str, MonthRun]
) -> None:
    """The seven days are over at once: Airflow's database says so."""
    run = months[SECOND]
    assert run.until_it_ended() == "failed"
    run.ask_again()
    before, sent = office.events(SECOND, "APPROVED", "DECLINED", "RELEASED"), len(office.failures())
    database = office.settings.home / "airflow" / "server" / "airflow.db"
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as airflow, airflow:
        over = "update task_instance set trigger_timeout = '2026-01-01' where state = ?"
        assert airflow.execute(over, ["awaiting_input"]).rowcount == 1
    run.until("approve", "failed")
    assert run.until_it_ended() == "failed"
    assert run.states()["release"] == "upstream_failed"
    assert office.events(SECOND, "APPROVED", "DECLINED", "RELEASED") == before
    wait_until(lambda: len(office.failures()) > sent)
    alert = office.failures()[-1]
    assert "it was not answered in time" in alert
    assert "(task approve of monthly_credit_reporting)" in alert


def test_without_keys_a_month_ends_as_built(tmp_path: Path) -> None:
    settings = lender(tmp_path)
    with running_airflow(settings) as server:
        office = Office(settings, server, [])
        run = office.trigger(FIRST)
        assert run.until_it_ended() == "success"
        states = run.states()
        assert states["needs_approval"] == "success"
        assert (states["approve"], states["release"]) == ("skipped", "skipped")
        line = f"month {FIRST} stays built: setting REPORTING_BUREAU_KEY: no key is named"
        assert run.log("needs_approval").count(line) == 1
    assert office.events(FIRST, "BUILT") == [("BUILT", "airflow:builder", "")]
