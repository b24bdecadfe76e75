"""An alert has a life: sent, reminded daily, passed on, acknowledged, waived, resolved."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console
from support.web_server import WebServer, serving

from reporting.alerts import alert_events, reminders
from reporting.alerts.alert import Alert, Fault
from reporting.alerts.send import send_alert
from reporting.checks.effects import ENDANGERED, endangers
from reporting.checks.gx import load_suite
from reporting.checks.results import LAYERS, CheckResult
from reporting.cli.alerts import show_open
from reporting.cli.reference_docs import render_endangered
from reporting.core.errors import BadCall, ReportingError
from reporting.core.settings import EXPECTATIONS, Settings
from reporting.store.published_database import build_database, layout_digest, open_published
from reporting.submission import repair

FIRST_DAY = datetime(2026, 6, 3, 6)
STOPPED = Alert(
    month="2026-05",
    as_of=datetime(2026, 6, 3),
    outcome="stopped",
    results=[],
    due_on=date(2026, 6, 10),
    fault=Fault.in_step("land", "table bills: no file", "data_delivery"),
)
RESOLVED = replace(STOPPED, outcome="built", fault=None)
ALERT_ID = "2026-05/step.land"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, escalation_days=2)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that sets the day of every event from now on."""

    def stand_at(days: int) -> date:
        moment = FIRST_DAY + timedelta(days=days)
        monkeypatch.setattr(alert_events, "now", lambda: moment)
        return moment.date()

    stand_at(0)
    return stand_at


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with serving() as server:
        address = f"http://127.0.0.1:{server.port}"
        monkeypatch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK", address)
        yield server


def told(web: WebServer) -> list[tuple[str, str]]:
    """Audience and outcome of every message so far."""
    return [(one["audience"], one["outcome"]) for one in web.posted]


def happened(settings: Settings) -> list[tuple[str, str, str]]:
    return [(one.event, one.reached, one.taken_by) for one in alert_events.read(settings)]


def test_an_unanswered_alert_is_repeated_daily_and_passed_on(
    settings: Settings, clock: Any, web: WebServer
) -> None:
    send_alert(STOPPED, settings)
    assert reminders.remind(clock(0), settings) == {}  # it was sent today
    assert list(reminders.remind(clock(1), settings)) == ["data_delivery"]
    assert reminders.remind(clock(1), settings) == {}  # once a day
    assert list(reminders.remind(clock(2), settings)) == ["compliance", "data_delivery"]
    assert reminders.remind(clock(2), settings) == {}

    assert told(web) == [
        ("data_delivery", "stopped"),
        ("data_delivery", "reminded"),
        ("compliance", "reminded"),
        ("data_delivery", "reminded"),
    ]
    text = web.posted[1]["text"]
    assert text.startswith(
        "1 critical alert waits for an answer. "
        "2026-05 is due at the bureau on 2026-06-10, in 6 days."
    )
    assert f"- {ALERT_ID}: unanswered for 1 day." in text
    assert f"Answer: reporting ack {ALERT_ID} --by NAME" in text
    assert f"{ALERT_ID}: unanswered by data_delivery for 2 days." in web.posted[2]["text"]


def test_an_acknowledged_alert_is_not_repeated(settings: Settings, clock: Any) -> None:
    send_alert(STOPPED, settings)
    taken = alert_events.acknowledge(ALERT_ID, "Li Si", "the extract runs again", settings)
    assert (taken.audience, taken.severity) == ("data_delivery", "critical")
    assert reminders.remind(clock(5), settings) == {}
    (one,) = alert_events.open_now(settings)
    assert one.answered_by == "Li Si"


def test_what_is_resolved_and_fails_again_must_be_answered_again(
    settings: Settings, clock: Any
) -> None:
    send_alert(STOPPED, settings)
    alert_events.acknowledge(ALERT_ID, "Li Si", "", settings)
    send_alert(RESOLVED, settings)
    assert alert_events.open_now(settings) == []
    clock(1)
    send_alert(STOPPED, settings)
    assert list(reminders.remind(clock(2), settings)) == ["data_delivery"]
    assert [event for event, *_ in happened(settings)] == [
        *("sent", "acknowledged", "resolved", "sent", "reminded")
    ]


def test_a_reminder_that_is_not_delivered_comes_with_the_next_watch(
    settings: Settings, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_alert(STOPPED, settings)
    monkeypatch.delenv("AIRFLOW_CONN_REPORTING_ALERTS_WEBHOOK")
    assert reminders.remind(clock(1), settings) == {"data_delivery": []}
    assert [event for event, *_ in happened(settings)] == ["sent"]


@pytest.mark.parametrize(
    ("alert", "by", "why"),
    [
        ("2026-05/step.x", "Li Si", f"no alert 2026-05/step.x is open; open are: {ALERT_ID}"),
        (ALERT_ID, " ", "--by is empty: name who takes the alert"),
        (ALERT_ID, "110101199001011234", "holds what looks like a person's number"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_named(settings: Settings, alert: str, by: str, why: str) -> None:
    send_alert(STOPPED, settings)
    with pytest.raises(BadCall, match=why):
        alert_events.acknowledge(alert, by, "", settings)


def test_analysts_see_the_events_as_they_are_now(settings: Settings) -> None:
    settings.published.mkdir()
    build_database(settings)
    with open_published(settings) as connection:
        query = "select event, month, finding, audience, taken_by, note from marts.alert_events"
        assert connection.execute(query).fetchall() == []
        send_alert(STOPPED, settings)
        alert_events.acknowledge(ALERT_ID, "Li Si", "took it", settings)
        found = connection.execute(query).fetchall()
    assert [(event, *rest) for event, *rest, _, _ in found] == [
        ("sent", "2026-05", "step.land", "data_delivery"),
        ("acknowledged", "2026-05", "step.land", "data_delivery"),
    ]
    assert found[1][-2:] == ("Li Si", "took it")


def test_half_a_line_of_a_killed_writer_is_skipped_and_nothing_after_it_is_lost(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    send_alert(STOPPED, settings)
    with settings.alert_events.open("ab") as file:
        file.write(b'{"at": "2026-06-03T0')
    alert_events.acknowledge(ALERT_ID, "Li Si", "", settings)
    assert [event for event, *_ in happened(settings)] == ["sent", "acknowledged"]
    assert "holds a line that is no event; it is skipped" in caplog.text


def test_an_answer_that_cannot_be_written_is_no_answer(settings: Settings) -> None:
    send_alert(STOPPED, settings)
    settings.alert_events.unlink()
    settings.alert_events.mkdir()
    with pytest.raises(ReportingError, match=r"events.jsonl cannot be written \(Is a directory\)"):
        alert_events.acknowledge(ALERT_ID, "Li Si", "", settings)


def test_every_table_that_is_checked_has_its_effect_in_words() -> None:
    tables = {
        f"{schema}.{load_suite(path).TABLE}"
        for layer, schema in LAYERS.items()
        for path in (EXPECTATIONS / layer).glob("*.py")
    }
    assert [table for table in sorted(tables) if "12 " not in endangers(failed(table, 12))] == []


def test_a_check_of_a_feed_as_a_whole_counts_no_rows() -> None:
    assert endangers(failed("raw.internal_scores", 0)).startswith("Reaches: In-house score, marts.")


def test_what_a_table_reaches_is_what_dbts_manifest_says() -> None:
    assert ENDANGERED.read_text(encoding="utf-8") == render_endangered(), "make checks-page"


def failed(table: str, rows: int) -> CheckResult:
    return CheckResult(
        check_id="a.check",
        layer="marts",
        table_name=table,
        severity="critical",
        description="",
        rows_checked=rows,
        rows_failing=max(rows, 1),
        passed=False,
        owner="pipeline",
        evaluated_at=FIRST_DAY,
    )


WATCHED = replace(
    STOPPED,
    outcome="watched",
    fault=None,
    results=[replace(failed("raw.bills", 3), check_id="watch.bills.fresh", severity="warning")],
)


def watched(day: date, severity: str) -> Alert:
    results = [replace(one, severity=severity) for one in WATCHED.results]
    return replace(WATCHED, as_of=datetime.combine(day, time()), results=results)


def test_an_answer_to_a_warning_is_none_to_the_critical_alert_that_follows(
    settings: Settings, clock: Any, web: WebServer
) -> None:
    send_alert(watched(clock(0), "warning"), settings)
    alert_events.acknowledge("2026-05/watch.bills.fresh", "Li Si", "", settings)
    assert send_alert(watched(clock(1), "warning"), settings) == {}  # taken: not sent again
    assert list(send_alert(watched(clock(2), "critical"), settings)) == ["pipeline"]
    (one,) = alert_events.open_now(settings)
    assert (one.severity, one.answered_by) == ("critical", "")
    assert list(reminders.remind(clock(4), settings)) == ["compliance", "pipeline"]
    assert len(web.posted) == 4


def test_an_alert_whose_event_was_lost_is_open_and_unanswered(
    settings: Settings, clock: Any
) -> None:
    send_alert(STOPPED, settings)
    settings.alert_events.unlink()  # as if the process was killed before it wrote the event
    (one,) = alert_events.open_now(settings)
    assert (one.alert_id, one.severity, one.answered_by) == (ALERT_ID, "critical", "")
    output = io.StringIO()
    show_open(settings, Console(file=output, width=200))
    assert ALERT_ID in output.getvalue() and "not known" in output.getvalue()
    assert "data_delivery" in reminders.remind(clock(0), settings)
    alert_events.acknowledge(ALERT_ID, "Li Si", "", settings)
    assert reminders.remind(clock(9), settings) == {}


def test_two_audiences_of_one_finding_have_each_their_own_history(
    settings: Settings, clock: Any
) -> None:
    send_alert(STOPPED, settings)
    clock(1)
    other = replace(STOPPED, fault=Fault.in_step("land", "no disk", "pipeline"))
    send_alert(other, settings)
    assert [(one.audience, one.sent_at) for one in alert_events.open_now(settings)] == [
        ("data_delivery", FIRST_DAY),
        ("pipeline", FIRST_DAY + timedelta(days=1)),
    ]
    assert list(reminders.remind(clock(2), settings)) == ["compliance", "data_delivery", "pipeline"]


def test_whoever_was_reminded_hears_that_it_is_resolved(
    settings: Settings, clock: Any, web: WebServer
) -> None:
    send_alert(STOPPED, settings)
    reminders.remind(clock(3), settings)
    web.posted.clear()
    send_alert(RESOLVED, settings)
    assert told(web) == [("compliance", "resolved"), ("data_delivery", "resolved")]


def test_a_fault_of_the_alerts_of_answers_does_not_fail_a_run_that_is_published(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.published.mkdir(parents=True)
    with duckdb.connect(str(settings.published_database)) as database:  # without any event
        database.execute("create schema submission")
        database.execute(f"create table submission.layout as select '{layout_digest()}' as digest")
        database.execute("create table submission.ledger_head as select 1 as batch, '' as sha256")
    with pytest.raises(duckdb.CatalogException):
        repair.alert(settings)
    repair.alert_after_run(settings)
    assert caplog.messages == ["the bureau's answers were not alerted: CatalogException"]
