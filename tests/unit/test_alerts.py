"""A stopped or warned month reaches a person: a real mail server and a real web server listen."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.message import EmailMessage
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from support.mail_server import receiving
from support.web_server import serving

from reporting.alerts import open_alerts, send
from reporting.alerts.alert import Alert, Fault
from reporting.alerts.message import LONGEST_SUBJECT, LONGEST_TEXT, MOST_CHECKS, compose
from reporting.checks.effects import endangers
from reporting.core.errors import BadCall, BrokenDelivery
from reporting.core.run import Run
from reporting.core.settings import PROJECT_ROOT, Settings
from reporting.pipeline import steps

SMTP_CONNECTION = "reporting_alerts_smtp"
APPRISE_CONNECTION = "reporting_alerts_apprise"
WEBHOOK_CONNECTION = "reporting_alerts_webhook"
RECIPIENTS = ["data@example.org", "risk@example.org"]
PLAIN = {"disable_ssl": True, "disable_tls": True}
PASSWORD = "pass-word-of-the-test"  # noqa: S105 - it opens nothing


@dataclass(frozen=True)
class Result:
    """A check's result, with a field that alerts must never read."""

    check_id: str
    severity: str = "critical"
    rows_failing: int = 3
    layer: str = "marts"
    table_name: str = "marts.repayment_status"
    description: str = "An account has one status per month (每月一行)."
    rows_checked: int = 1200
    passed: bool = False
    owner: str = "pipeline"
    example_keys: tuple[str, ...] = ("A1", "A2")
    is_waived: bool = False
    waiver_note: str = ""
    new_rows_only: bool = False
    observed: str = "110101199001011234"

    @property
    def is_open(self) -> bool:
        return not self.passed and not self.is_waived


DUPLICATE, UNKNOWN = "status.row_for_every_account", "status.known"
STOPPED = Alert(
    month="2026-05",
    as_of=datetime(2026, 6, 3),
    outcome="stopped",
    results=[
        Result("landing.transactions.fresh", "warning", 1, "landing", "raw.transactions"),
        Result(DUPLICATE, waiver_note="the waiver of Li Si ended on 2026-05-31"),
        Result(UNKNOWN, rows_failing=1, example_keys=()),
        Result("status.rows", passed=True),
        Result("status.pending", "info"),
        Result("bureau.E01", "warning", owner="compliance"),
    ],
    due_on=date(2026, 6, 10),
    page="pages/2026-05/index.html",
    files="No file of 2026-05 is in place.",
    figures="Figures: 7 accounts reported (9 the month before).",
)
WARNED = replace(STOPPED, outcome="warned", results=[Result(DUPLICATE, "warning", 1)])


def one_stop(line: str, audience: str = "pipeline") -> Alert:
    """A month that an error stopped before any check."""
    return replace(STOPPED, results=[], fault=Fault.in_step("land", line, audience))


@pytest.fixture(scope="module", autouse=True)
def destinations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Airflow's first import sets up logging anew: before a test listens to the log."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        yield import_module("reporting.alerts.destinations")


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured on this machine is no destination of a test."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def smtp_port() -> Iterator[tuple[int, list[EmailMessage]]]:
    with receiving() as (port, mailbox):
        yield port, mailbox.mails


@pytest.fixture
def web() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    with serving() as server:
        yield server.port, server.requests


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The port of a server that lets anybody connect and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, so that nobody else listens there, but refuses every connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def configure(monkeypatch: pytest.MonkeyPatch, name: str, value: str | dict[str, Any]) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", text)


def mail_to(port: int, **extra: object) -> dict[str, Any]:
    addresses = {"from_email": "reporting@example.org", "to_email": RECIPIENTS}
    return {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "extra": {**addresses, **PLAIN, **extra},
    }


def http_to(port: int, **extra: object) -> dict[str, Any]:
    return {"conn_type": "http", "host": "127.0.0.1", "port": port, "extra": extra}


def webhook(*urls: str) -> dict[str, Any]:
    return {"conn_type": "apprise", "extra": {"config": [{"path": url} for url in urls]}}


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings of this project; the mail server of the tests logs for itself."""
    ours = [r for r in caplog.records if r.name != "mail.log" and not r.name.startswith("airflow.")]
    return [r.getMessage() for r in ours if r.levelno >= logging.WARNING]


# --- the words


def test_a_message_says_what_happened_and_what_to_do_and_lists_only_the_audiences_checks() -> None:
    message = compose(STOPPED, "pipeline")
    entry = "A fault of this program."
    assert message.subject == (
        f"[credit reporting: pipeline] 2026-05 stopped: 2 critical checks: {DUPLICATE} and 1 more"
    )
    first, figures, checks, last = message.text.split("\n\n")
    assert first.startswith(
        f"Credit report 2026-05 stopped at 2 critical checks ({DUPLICATE} and 1 more). "
        "No file of 2026-05 is in place. "
        f"2026-05 is due at the bureau by 2026-06-10. First: {entry}"
    )
    assert figures == "Figures: 7 accounts reported (9 the month before)."
    assert checks == (
        f"- {DUPLICATE} (critical, marts.repayment_status): 3 of 1,200 rows. "
        "An account has one status per month (每月一行).\n"
        "  Endangers: 3 accounts would be reported with a wrong status or amount: some would look "
        "overdue. Reaches: Advance notices, In-house score, Record files of the bureau, "
        "marts.reportable_population, marts.repayment_status, marts.connected_groups.\n"
        "  such as A1, A2\n"
        "  the waiver of Li Si ended on 2026-05-31\n"
        f"  docs/checks.md#{DUPLICATE}\n"
        f"- {UNKNOWN} (critical, marts.repayment_status): 1 of 1,200 rows. "
        "An account has one status per month (每月一行).\n"
        f"  docs/checks.md#{UNKNOWN}\n"
        "- landing.transactions.fresh (warning, raw.transactions): 1 of 1,200 rows. "
        "An account has one status per month (每月一行).\n"
        "  Endangers: 1 payments and purchases would be misread: who paid could look overdue. "
        "Reaches: Advance notices, In-house score, Record files of the bureau, "
        "marts.reportable_population, marts.repayment_status, marts.connected_groups.\n"
        "  such as A1, A2\n"
        "  docs/checks.md#landing.transactions.fresh"
    )
    assert last == (
        "Owner: pipeline. As known at 2026-06-03T00:00:00.\n"
        "Page: pages/2026-05/index.html\n"
        f"Answer it, else it is repeated daily: reporting ack 2026-05/{DUPLICATE} --by NAME\n"
        "What to do: docs/runbook.md#a-check-stopped-the-month\n"
    )


def test_a_month_that_stopped_asks_only_those_who_can_set_it_going() -> None:
    assert STOPPED.audiences == ["pipeline"]
    assert replace(STOPPED, outcome="warned").audiences == ["compliance", "pipeline"]
    assert one_stop("no feed", "data_delivery").audiences == ["data_delivery"]


def test_a_month_that_only_warned_says_so() -> None:
    message = compose(WARNED, "pipeline")
    assert message.subject == (
        f"[credit reporting: pipeline] 2026-05 warned: 1 warning: {DUPLICATE}"
    )
    assert message.text.startswith(
        f"Credit report 2026-05 was built with 1 warning ({DUPLICATE}); "
        "its files are in place: review the warnings before you send them. "
        "2026-05 is due at the bureau by 2026-06-10. First: "
    )
    assert message.text.endswith("docs/runbook.md#a-month-warned\n")


def test_a_month_that_stopped_before_any_check_gives_the_errors_line() -> None:
    alert = one_stop("table bills has no files below landing/bills;\n deliver it")
    message = compose(alert, "pipeline")
    line = "table bills has no files below landing/bills; deliver it"
    assert message.subject == f"[credit reporting: pipeline] 2026-05 stopped: {line}"
    first = message.text.splitlines()[0]
    assert first.startswith("Credit report 2026-05 stopped on an error. No file of 2026-05 ")
    assert first.endswith(f"First: {line}")
    assert "Page" not in message.text


def test_what_withholds_more_records_stands_first_after_what_is_critical() -> None:
    rules = "secure.validated_records"
    few = Result("bureau.V01", "warning", 2, "records", rules)
    many = Result("bureau.V02", "warning", 90, "records", rules)
    rest = [Result("batch.rows", "warning", 1), Result("a", "warning", 999), Result("stop")]
    alert = replace(WARNED, results=[few, *rest[1:], many, rest[0]])
    assert [check.check_id for check in alert.open_checks("pipeline")] == [
        *("stop", "bureau.V02", "bureau.V01", "batch.rows", "a")
    ]


def test_a_deadline_that_has_passed_is_told_as_passed() -> None:
    late = replace(STOPPED, as_of=datetime(2026, 6, 11))
    assert "2026-05 was due at the bureau by" in compose(late, "pipeline").text


def test_a_long_list_and_long_words_are_cut_and_counted() -> None:
    many = [
        Result(f"c{n:03d}", description="文" * 9000, example_keys=("k" * 900,) * 3)
        for n in range(500)
    ]
    message = compose(replace(STOPPED, results=many), "pipeline", ["x" * 900] * 40)
    listed = message.text.count("\n- c")
    assert 3 <= listed <= MOST_CHECKS
    assert f"\n... and {500 - listed} more\n" in message.text
    assert len(message.subject) <= LONGEST_SUBJECT == 120
    assert len(message.text) <= LONGEST_TEXT
    short = [Result(f"c{n:03d}", description="One row.") for n in range(500)]
    text = compose(replace(STOPPED, results=short), "pipeline").text
    assert text.count("\n- c") == 10
    assert "\n... and 490 more\n" in text


def test_a_long_reason_does_not_swell_the_message() -> None:
    message = compose(one_stop("文" * 9000), "pipeline")
    assert len(message.subject) == LONGEST_SUBJECT
    assert len(message.text) < 1000


def test_links_can_be_clicked_where_the_pages_are_served(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, pages_url="https://pages.example.org/", docs_url="https://docs.example.org/x"
    )
    run = Run.of("2026-05", None, settings)
    text = compose(Alert.stopped(run, settings, STOPPED.results), "pipeline").text
    assert "Page: https://pages.example.org/pages/2026-05/index.html\n" in text
    assert f"  https://docs.example.org/x/checks.md#{DUPLICATE}\n" in text
    assert "https://docs.example.org/x/runbook.md#a-check-stopped-the-month\n" in text
    with pytest.raises(ValueError, match="pages_url"):
        Settings(pages_url="pages.example.org")


def test_the_runbook_has_every_entry_that_a_message_names() -> None:
    headings = re.findall(r"^#+ (.+)$", (PROJECT_ROOT / "docs/runbook.md").read_text("utf-8"), re.M)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    ends = [STOPPED, one_stop("why"), WARNED, replace(STOPPED, outcome="watched")]
    texts = [compose(alert, "pipeline").text for alert in ends]
    named = {text.split("#")[-1].strip() for text in texts} | {"alerts"}
    assert len(named) == 5
    assert named <= anchors


def test_a_run_knows_its_page_and_its_deadline(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, deadline_day=8)
    run = Run.of("2026-05", None, settings)
    alert = Alert.stopped(run, settings, [])
    page = str(tmp_path / "pages" / "2026-05" / "index.html")
    expected = Alert(
        *("2026-05", datetime(2026, 6, 3), "stopped", [], date(2026, 6, 8)),
        page=page,
        docs="docs",
        files="No file of 2026-05 is in place.",
    )
    assert alert == expected
    built = replace(expected, outcome="built", files="", unreleased=frozenset())
    assert Alert.ended(run, settings, []) == built
    assert Alert.ended(run, settings, WARNED.results).outcome == "warned"


# --- what is over


class Told:
    """Sends to a webhook, and keeps audience, outcome and resolved ids of each message."""

    def __init__(self, settings: Settings, posted: list[dict[str, Any]]) -> None:
        self.settings, self.posted = settings, posted

    def send(self, alert: Alert) -> list[tuple[str, str, list[str]]]:
        self.posted.clear()
        send.send_alert(alert, self.settings)
        return [(p["audience"], p["outcome"], p["resolved"]) for p in self.posted]

    @property
    def remembered(self) -> Any:
        return json.loads(open_alerts.memory_file(self.settings).read_text("utf-8"))


@pytest.fixture
def told(
    settings: Settings, web: tuple[int, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> Told:
    configure(monkeypatch, WEBHOOK_CONNECTION, http_to(web[0]))
    return Told(settings, web[1])


def test_who_was_told_hears_once_that_it_is_over(told: Told) -> None:
    assert told.send(STOPPED) == [("pipeline", "stopped", [])]
    ids = sorted([DUPLICATE, UNKNOWN, "landing.transactions.fresh"])
    assert told.remembered == {"2026-05": {"pipeline": ids}}
    healed = replace(
        STOPPED, outcome="built", results=[replace(r, passed=True) for r in STOPPED.results]
    )
    assert told.send(healed) == [("pipeline", "resolved", ids)]
    [post] = told.posted
    assert post["subject"].startswith("[credit reporting: pipeline] 2026-05 resolved: ")
    assert post["text"].startswith(
        "Resolved: 3 faults reported to you earlier. "
        "The month was built and its files were written."
    )
    assert f"\n- {UNKNOWN}: no longer fails\n" in post["text"]
    assert post["checks"] == []
    assert told.remembered == {}
    assert told.send(healed) == []


def test_what_stays_open_is_told_again_beside_what_is_over(told: Told) -> None:
    told.send(STOPPED)
    still = replace(STOPPED, results=[Result(DUPLICATE), Result(UNKNOWN, passed=True)])
    assert told.send(still) == [("pipeline", "stopped", [UNKNOWN])]
    assert told.send(still) == [("pipeline", "stopped", [])]
    left = sorted([DUPLICATE, "landing.transactions.fresh"])
    assert told.remembered == {"2026-05": {"pipeline": left}}


def test_a_later_month_heals_the_same_check_and_an_earlier_one_does_not(told: Told) -> None:
    told.send(WARNED)
    good = [Result(DUPLICATE, passed=True)]
    assert told.send(replace(WARNED, month="2026-04", outcome="built", results=good)) == []
    later = replace(WARNED, month="2026-06", outcome="built", results=good)
    assert told.send(later) == [("pipeline", "resolved", [DUPLICATE])]


def test_a_check_of_new_rows_is_over_only_when_its_own_month_passes_it(told: Told) -> None:
    named = Result(DUPLICATE, "warning", new_rows_only=True)
    told.send(replace(WARNED, results=[named]))
    good = [replace(named, passed=True)]
    later = replace(WARNED, month="2026-06", outcome="built", results=good)
    assert told.send(later) == []
    again = replace(WARNED, outcome="built", results=good)
    assert told.send(again) == [("pipeline", "resolved", [DUPLICATE])]


def test_what_a_later_month_does_not_heal_is_still_remembered(told: Told) -> None:
    named = Result(DUPLICATE, "warning", new_rows_only=True)
    told.send(replace(WARNED, results=[named, Result(UNKNOWN, "warning")]))
    good = [replace(named, passed=True), Result(UNKNOWN, passed=True)]
    later = replace(WARNED, month="2026-06", outcome="built", results=good)
    assert told.send(later) == [("pipeline", "resolved", [UNKNOWN])]
    assert told.remembered == {"2026-05": {"pipeline": [DUPLICATE]}}


def test_a_look_at_the_landing_zone_counts_for_every_month(told: Told) -> None:
    """The next month to report may become an earlier one: an old month is built first."""
    told.send(replace(STOPPED, outcome="watched", results=[Result("watch.bills.fresh")]))
    good = replace(STOPPED, outcome="watched", results=[Result("watch.bills.fresh", passed=True)])
    assert told.send(replace(good, month="2026-03")) == [
        ("pipeline", "resolved", ["watch.bills.fresh"])
    ]


def test_a_check_that_was_not_asked_is_not_over(told: Told) -> None:
    told.send(STOPPED)
    assert told.send(one_stop("no feed", "data_delivery")) == [("data_delivery", "stopped", [])]


def test_a_waived_warning_is_over_with_its_note(told: Told) -> None:
    told.send(WARNED)
    note = "waived by Li Si until 2026-06-30: known and harmless"
    waived = [Result(DUPLICATE, "warning", is_waived=True, waiver_note=note)]
    assert told.send(replace(WARNED, outcome="built", results=waived)) == [
        ("pipeline", "resolved", [DUPLICATE])
    ]
    assert f"- {DUPLICATE}: {note}\n" in told.posted[0]["text"]


def test_an_error_is_over_when_its_step_is_done(told: Told) -> None:
    told.send(one_stop("no feed", "data_delivery"))
    settings = told.settings
    run = Run.of("2026-05", None, settings)
    assert told.send(Alert.stopped(run, settings, [Result(UNKNOWN)], steps_done=["land"])) == [
        ("data_delivery", "resolved", ["step.land"]),
        ("pipeline", "stopped", []),
    ]
    assert (
        "still stopped by another fault. No file of 2026-05 is in place." in told.posted[0]["text"]
    )


def test_a_later_month_leaves_the_release_of_an_earlier_one(told: Told) -> None:
    run = Run.of("2026-04", None, told.settings)
    fault = Fault.in_step("release", "x was not delivered", "pipeline")
    told.send(Alert.stopped(run, told.settings, [], fault))
    assert told.send(replace(STOPPED, outcome="built", results=[])) == []
    may = Alert.released(Run.of("2026-05", None, told.settings), told.settings)
    assert told.send(replace(may, unreleased=None)) == []  # not known
    assert told.send(replace(may, unreleased=frozenset({"2026-04"}))) == []
    # the release of a month delivers what waits of another
    assert told.send(replace(may, unreleased=frozenset())) == [
        ("pipeline", "resolved", ["step.release"])
    ]


def test_a_supplement_leaves_what_is_said_of_its_month_as_a_whole(told: Told) -> None:
    unusual = Result("batch.records_in_line")
    told.send(replace(STOPPED, outcome="warned", results=[unusual, Result(UNKNOWN)]))
    supplement = replace(STOPPED, month=f"{STOPPED.month}@20260612T000000", outcome="built")
    assert told.send(replace(supplement, results=[])) == [("pipeline", "resolved", [UNKNOWN])]


def test_a_month_that_is_reproduced_ends_what_stopped_it(told: Told) -> None:
    run = Run.of("2026-05", None, told.settings)
    fault = Fault.in_step("land", "a landing file is gone", "pipeline")
    told.send(Alert.stopped(run, told.settings, [], fault))
    assert told.send(Alert.reproduced(run, told.settings, ["land", "publish"])) == [
        ("pipeline", "resolved", ["step.land"])
    ]


def test_a_built_month_leaves_what_the_watch_told_but_for_the_deadline(told: Told) -> None:
    watched = ["watch.bills.fresh", "watch.deadline.built"]
    told.send(replace(STOPPED, outcome="watched", results=[Result(name) for name in watched]))
    assert told.send(replace(STOPPED, outcome="built", results=[])) == [
        ("pipeline", "resolved", ["watch.deadline.built"])
    ]


def test_a_built_month_that_must_be_delivered_leaves_the_deadline_of_compliance(
    told: Told,
) -> None:
    watched = ["watch.deadline.submitted", "watch.deadline.built"]
    told.send(replace(STOPPED, outcome="watched", results=[Result(name) for name in watched]))
    built = replace(STOPPED, outcome="built", results=[], is_delivery_due=True)
    assert told.send(built) == [("pipeline", "resolved", ["watch.deadline.built"])]
    assert told.send(replace(built, is_delivery_due=False)) == [
        ("pipeline", "resolved", ["watch.deadline.submitted"])
    ]


def test_only_what_was_delivered_counts_as_told(
    told: Told, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = os.environ[f"AIRFLOW_CONN_{WEBHOOK_CONNECTION.upper()}"]
    told.send(WARNED)
    configure(monkeypatch, WEBHOOK_CONNECTION, http_to(closed_port))
    good = replace(WARNED, outcome="built", results=[Result(DUPLICATE, passed=True)])
    assert told.send(good) == []
    told.send(replace(WARNED, results=[Result(UNKNOWN)]))
    assert told.remembered == {"2026-05": {"pipeline": [DUPLICATE]}}
    configure(monkeypatch, WEBHOOK_CONNECTION, reached)
    assert told.send(good) == [("pipeline", "resolved", [DUPLICATE])]


def test_a_memory_that_cannot_be_read_begins_anew(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    path = open_alerts.memory_file(told.settings)
    path.parent.mkdir()
    path.write_text('{"2026-05": 7}')
    assert told.send(WARNED) == [("pipeline", "warned", [])]
    assert told.remembered == {"2026-05": {"pipeline": [DUPLICATE]}}
    assert any("open.json cannot be read (ValidationError)" in w for w in warnings_of(caplog))


def test_a_memory_that_cannot_be_written_does_not_keep_the_message_back(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    open_alerts.memory_file(told.settings).parent.write_text("a file")
    assert told.send(WARNED) == [("pipeline", "warned", [])]
    assert any("open.json cannot be written" in line for line in warnings_of(caplog))


@pytest.mark.parametrize(
    ("error", "audience", "line"),
    [
        (BrokenDelivery("no feed"), "data_delivery", "no feed"),
        (ValueError("110101199001011234"), "pipeline", "unforeseen ValueError"),
    ],
)
def test_an_error_goes_to_those_who_can_put_it_right_and_quotes_nothing(
    told: Told, error: Exception, audience: str, line: str
) -> None:
    def land(_run: Run, _settings: Settings) -> None:
        raise error

    run = Run.of("2026-05", None, told.settings)
    with pytest.raises(type(error)):
        steps.step(land)(run, told.settings)
    [post] = told.posted
    assert (post["audience"], post["outcome"]) == (audience, "stopped")
    assert f"First: {line}\n" in post["text"]
    assert "110101199001011234" not in json.dumps(post)
    assert told.remembered == {"2026-05": {audience: ["step.land"]}}


def test_a_wrong_call_is_answered_where_it_was_made(told: Told) -> None:
    def land(_run: Run, _settings: Settings) -> None:
        raise BadCall("no such setting")

    with pytest.raises(BadCall):
        steps.step(land)(Run.of("2026-05", None, told.settings), told.settings)
    assert told.posted == []


# --- the destinations


def reached(alert: Alert, audience: str = "pipeline") -> list[str]:
    """The connections that took the message to an audience."""
    module = import_module("reporting.alerts.destinations")
    names: list[str] = module.deliver(compose(alert, audience))
    return names


@pytest.mark.parametrize("form", ["json", "uri"])
def test_one_message_reaches_each_destination(
    form: str,
    settings: Settings,
    smtp_port: tuple[int, list[EmailMessage]],
    web: tuple[int, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (port, mails), (web_port, posted) = smtp_port, web
    hook = webhook(f"json://127.0.0.1:{web_port}/")
    extras = {
        "from_email": "reporting@example.org",
        "to_email": "; ".join(RECIPIENTS),
        "disable_ssl": "true",
        "disable_tls": "true",
    }
    config = json.dumps(hook["extra"]["config"])
    uri = f"smtp://127.0.0.1:{port}/?{urlencode(extras)}"
    configure(monkeypatch, SMTP_CONNECTION, mail_to(port) if form == "json" else uri)
    configure(
        monkeypatch,
        APPRISE_CONNECTION,
        hook if form == "json" else f"apprise://?config={quote(config, safe='')}",
    )

    configure(monkeypatch, WEBHOOK_CONNECTION, http_to(web_port))

    names = [SMTP_CONNECTION, APPRISE_CONNECTION, WEBHOOK_CONNECTION]
    assert send.send_alert(STOPPED, settings) == {"pipeline": names}

    expected = compose(STOPPED, "pipeline")
    [mail] = mails
    assert mail["Subject"] == expected.subject
    assert mail["From"] == "reporting@example.org"
    assert mail["X-Recipients"] == "data@example.org, risk@example.org"
    assert (mail.get_content_type(), mail.get_content_charset()) == ("text/plain", "utf-8")
    assert mail.get_content().replace("\r\n", "\n") == expected.text
    post, hooked = posted
    assert (post["title"], post["type"]) == (expected.subject, "failure")
    assert post["message"].strip() == expected.text.strip()
    assert {key: hooked[key] for key in expected.payload} == expected.payload
    assert Result("x").observed not in mail.as_string() + json.dumps(posted)
    assert warnings_of(caplog) == []


def test_a_mail_server_that_is_down_leaves_the_webhook(
    closed_port: int,
    web: tuple[int, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port, posted = web
    down = mail_to(closed_port) | {"login": "reporting", "password": PASSWORD}
    configure(monkeypatch, SMTP_CONNECTION, down)
    configure(monkeypatch, APPRISE_CONNECTION, webhook(f"json://127.0.0.1:{port}/"))
    assert reached(WARNED) == [APPRISE_CONNECTION]
    assert [post["type"] for post in posted] == ["warning"]
    assert warnings_of(caplog) == [
        f"alert not delivered to {SMTP_CONNECTION}: ConnectionRefusedError; "
        "correct this Airflow connection (docs/runbook.md#alerts)"
    ]


@pytest.mark.parametrize("fault", ["down", "refusing", "half", "unreadable"])
def test_a_webhook_that_fails_leaves_the_mail(
    fault: str,
    closed_port: int,
    smtp_port: tuple[int, list[EmailMessage]],
    web: tuple[int, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (port, mails), (web_port, _) = smtp_port, web
    down, good = f"json://u:{PASSWORD}@127.0.0.1:{closed_port}/", f"json://127.0.0.1:{web_port}/"
    urls, why = {
        "down": ([down], "1 of 1 services did not take it"),
        "refusing": ([good + "500"], "1 of 1 services did not take it"),
        "half": ([down, good], "1 of 2 services did not take it"),
        "unreadable": (
            [good, f"pigeon://{PASSWORD}"],
            "Apprise cannot read 1 of the URLs in its extra 'config'",
        ),
    }[fault]
    configure(monkeypatch, SMTP_CONNECTION, mail_to(port))
    configure(monkeypatch, APPRISE_CONNECTION, webhook(*urls))
    assert reached(STOPPED) == [SMTP_CONNECTION]
    assert len(mails) == 1
    [line] = warnings_of(caplog)
    assert line.startswith(f"alert not delivered to {APPRISE_CONNECTION}: {why}; ")
    assert PASSWORD not in caplog.text


def test_a_refused_recipient_is_counted_not_named(
    smtp_port: tuple[int, list[EmailMessage]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port, mails = smtp_port
    some = "data@example.org, nobody@example.org"
    configure(monkeypatch, SMTP_CONNECTION, mail_to(port, to_email=some))
    assert reached(STOPPED) == []
    assert [mail["X-Recipients"] for mail in mails] == ["data@example.org"]
    [line] = warnings_of(caplog)
    assert "the server refused 1 of its recipients" in line
    assert "nobody@" not in line


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (SMTP_CONNECTION, "{not json", "AIRFLOW_CONN_REPORTING_ALERTS_SMTP holds neither"),
        (APPRISE_CONNECTION, {"conn_type": "apprise"}, "its extra 'config' is missing"),
        (APPRISE_CONNECTION, {"conn_type": "apprise", "extra": {"config": "{"}}, "JSONDecodeError"),
        (APPRISE_CONNECTION, {"conn_type": "apprise", "extra": {"config": [7]}}, "TypeError"),
        (SMTP_CONNECTION, "mail.example.org", "SMTPServerDisconnected"),
    ],
)
def test_a_connection_that_is_not_right_is_one_warning(
    name: str,
    value: str | dict[str, Any],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure(monkeypatch, name, value)
    assert reached(STOPPED) == []
    [line] = warnings_of(caplog)
    assert line.startswith(f"alert not delivered to {name}: {why}")


@pytest.mark.parametrize("key", ["to_email", "from_email"])
def test_a_mail_connection_names_sender_and_recipients(
    key: str,
    smtp_port: tuple[int, list[EmailMessage]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure(monkeypatch, SMTP_CONNECTION, mail_to(smtp_port[0], **{key: ""}))
    assert reached(STOPPED) == []
    [line] = warnings_of(caplog)
    assert f"its extra '{key}' names no address" in line


def test_servers_that_never_answer_do_not_hold_up_the_run(
    silent_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configure(monkeypatch, SMTP_CONNECTION, mail_to(silent_port, timeout=1))
    url = f"json://127.0.0.1:{silent_port}/?rto=0.2"
    configure(monkeypatch, APPRISE_CONNECTION, webhook(url))
    assert reached(STOPPED) == []
    assert len(warnings_of(caplog)) == 2


def test_waits_are_bounded_without_any_setting(
    destinations: ModuleType,
    smtp_port: tuple[int, list[EmailMessage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(monkeypatch, SMTP_CONNECTION, mail_to(smtp_port[0]))
    with destinations.BoundedSmtpHook(SMTP_CONNECTION) as hook:
        assert (hook.timeout, hook.smtp_retry_limit) == (10, 0)
        assert hook._smtp_client is not None
        assert hook._smtp_client.timeout == 10


# --- a webhook, and a destination for one audience


def test_a_webhook_gets_the_message_as_an_object(
    web: tuple[int, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, posted = web
    secret = {"Authorization": "Bearer token", "endpoint": "/hooks/reporting"}
    configure(monkeypatch, WEBHOOK_CONNECTION, http_to(port, **secret))
    assert reached(STOPPED) == [WEBHOOK_CONNECTION]
    [post] = posted
    assert post["path"] == "/hooks/reporting"
    assert post["headers"]["Authorization"] == "Bearer token"
    assert post["headers"]["Content-Type"] == "application/json"
    assert post["month"] == "2026-05"
    assert post["as_of"] == "2026-06-03T00:00:00"
    assert (post["outcome"], post["audience"]) == ("stopped", "pipeline")
    assert [check["id"] for check in post["checks"]][:2] == [DUPLICATE, UNKNOWN]
    assert post["checks"][0] == {
        "id": DUPLICATE,
        "severity": "critical",
        "table": "marts.repayment_status",
        "failing": 3,
        "checked": 1200,
        "examples": ["A1", "A2"],
        "owner": "pipeline",
        "page": "pages/2026-05/index.html",
        "runbook": f"docs/checks.md#{DUPLICATE}",
        "endangers": endangers(Result(DUPLICATE)),
    }


@pytest.mark.parametrize("form", ["uri", "url", "login"])
def test_a_webhook_is_named_as_airflow_names_it(
    form: str, web: tuple[int, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, posted = web
    value = {
        "uri": f"http://127.0.0.1:{port}/http?endpoint=in&X-Key=k",
        "url": http_to(port, endpoint="in") | {"host": f"http://127.0.0.1:{port}", "port": None},
        "login": http_to(port, endpoint="in") | {"login": "me", "password": PASSWORD},
    }[form]
    configure(monkeypatch, WEBHOOK_CONNECTION, value)
    assert reached(STOPPED) == [WEBHOOK_CONNECTION]
    [post] = posted
    assert post["path"] == "/in"
    assert post["headers"].get("X-Key") == ("k" if form == "uri" else None)
    assert ("Authorization" in post["headers"]) == (form == "login")


@pytest.mark.parametrize("fault", ["refusing", "down", "silent", "nowhere"])
def test_a_webhook_that_does_not_take_it_is_one_warning_without_its_address(
    fault: str,
    web: tuple[int, list[dict[str, Any]]],
    closed_port: int,
    silent_port: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    connection, why = {
        "refusing": (http_to(web[0], endpoint="500"), "the server answered 500"),
        "down": (http_to(closed_port), "ConnectError"),
        "silent": (http_to(silent_port, timeout=0.2), "ReadTimeout"),
        "nowhere": ({"conn_type": "http"}, "it names no host"),
    }[fault]
    configure(monkeypatch, WEBHOOK_CONNECTION, connection)
    assert reached(STOPPED) == []
    [line] = warnings_of(caplog)
    assert line.startswith(f"alert not delivered to {WEBHOOK_CONNECTION}: {why}; ")
    assert "127.0.0.1" not in caplog.text


def test_500_failing_checks_are_one_message_an_audience_and_destination(
    settings: Settings,
    smtp_port: tuple[int, list[EmailMessage]],
    web: tuple[int, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (port, mails), (web_port, posted) = smtp_port, web
    configure(monkeypatch, SMTP_CONNECTION, mail_to(port))
    configure(monkeypatch, WEBHOOK_CONNECTION, http_to(web_port))
    owners = ["compliance", "data_delivery"]
    many = [Result(f"c{n}.{owner}", owner=owner) for owner in owners for n in range(250)]
    both = [SMTP_CONNECTION, WEBHOOK_CONNECTION]
    assert send.send_alert(replace(STOPPED, results=many), settings) == dict.fromkeys(owners, both)
    assert len(mails) == len(posted) == 2
    for owner, other, mail in zip(owners, reversed(owners), mails, strict=True):
        text = mail.get_content()
        assert f"c0.{owner} " in text
        assert other not in text
        assert "... and 240 more" in text
    assert [len(post["checks"]) for post in posted] == [250, 250]


def test_an_audiences_own_connection_takes_the_place_of_the_general_one_of_its_kind(
    smtp_port: tuple[int, list[EmailMessage]],
    web: tuple[int, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (port, mails), (web_port, _) = smtp_port, web
    own = "reporting_alerts_compliance_smtp"
    configure(monkeypatch, SMTP_CONNECTION, mail_to(port))
    configure(monkeypatch, own, mail_to(port, to_email="law@example.org"))
    configure(monkeypatch, WEBHOOK_CONNECTION, http_to(web_port))
    alert = replace(WARNED, results=[Result("a"), Result("b", owner="compliance")])
    assert reached(alert, "compliance") == [own, WEBHOOK_CONNECTION]
    assert reached(alert, "pipeline") == [SMTP_CONNECTION, WEBHOOK_CONNECTION]
    assert [mail["X-Recipients"] for mail in mails] == ["law@example.org", ", ".join(RECIPIENTS)]


def test_an_audience_may_be_the_only_one_with_a_destination(
    settings: Settings,
    web: tuple[int, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = "reporting_alerts_compliance_webhook"
    configure(monkeypatch, own, http_to(web[0]))
    alert = replace(WARNED, results=[Result("a"), Result("b", owner="compliance")])
    assert send.send_alert(alert, settings) == {"compliance": [own], "pipeline": []}
    assert json.loads(open_alerts.memory_file(settings).read_text()) == {
        "2026-05": {"compliance": ["b"]}
    }


# --- with Airflow and without it

PROGRAM = """
import logging, sys
from datetime import date, datetime
from pathlib import Path
from reporting.alerts.send import Alert, Fault, send_alert
from reporting.core.settings import Settings
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
fault = Fault("step.land", "landing fault", "data_delivery")
due = date(2026, 6, 10)
alert = Alert("2026-05", datetime(2026, 6, 3), "stopped", [], due, fault=fault)
delivered = send_alert(alert, Settings(home=Path(sys.argv[1])))
print(delivered, sorted({"airflow", "apprise", "great_expectations"} & set(sys.modules)))
"""

DAG_FILE = """
from airflow.sdk import dag, task

@dag
def alerting():
    @task
    def stop():
        from datetime import date, datetime
        from reporting.alerts.send import Alert, Fault, send_alert
        from reporting.core.settings import load_settings
        fault = Fault("step.land", "fault", "pipeline")
        due = date(2026, 6, 10)
        alert = Alert("2026-05", datetime(2026, 6, 3), "stopped", [], due, fault=fault)
        assert send_alert(alert, load_settings()) == {"pipeline": ["reporting_alerts_smtp"]}
    stop()

alerting()
"""

DAG_PROGRAM = """
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models import Connection
from airflow.utils.db import upgradedb
from airflow.utils.session import create_session

upgradedb()
with create_session() as session:
    session.add(Connection("reporting_alerts_smtp", uri=sys.argv[1]))
assert DagBag(sys.argv[2]).dags["alerting"].test().state == "success"
"""


def run_python(
    program: str, home: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with nothing of Airflow's in the environment."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**plain, "HOME": str(home), "AIRFLOW_HOME": str(home / "airflow"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_destination_nothing_is_sent_and_airflow_is_not_imported(tmp_path: Path) -> None:
    done = run_python(PROGRAM, tmp_path, str(tmp_path))
    assert done.stdout == "{} []\n"
    assert done.stderr == "INFO no alert destination configured (docs/runbook.md#alerts)\n"
    assert list(tmp_path.iterdir()) == []


def test_without_airflow_running_a_variable_is_enough_and_no_database_is_made(
    smtp_port: tuple[int, list[EmailMessage]], tmp_path: Path
) -> None:
    port, mails = smtp_port
    variable = {f"AIRFLOW_CONN_{SMTP_CONNECTION.upper()}": json.dumps(mail_to(port))}
    done = run_python(PROGRAM, tmp_path, str(tmp_path), **variable)
    assert f"{{'data_delivery': ['{SMTP_CONNECTION}']}} ['airflow', 'apprise']" in done.stdout
    assert [mail["Subject"] for mail in mails] == [
        "[credit reporting: data_delivery] 2026-05 stopped: landing fault"
    ]
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {".lock", ".events.lock", "events.jsonl", "open.json"}


def test_inside_a_task_the_connection_comes_from_airflows_database(
    smtp_port: tuple[int, list[EmailMessage]], tmp_path: Path
) -> None:
    port, mails = smtp_port
    query = urlencode(mail_to(port)["extra"] | {"to_email": "data@example.org"})
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "alerting.py").write_text(DAG_FILE)
    uri = f"smtp://127.0.0.1:{port}/?{query}"
    folder = {"AIRFLOW__CORE__DAGS_FOLDER": str(dags), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    folder["REPORTING_HOME"] = str(tmp_path / "home")
    done = run_python(DAG_PROGRAM, tmp_path, uri, str(dags / "alerting.py"), **folder)
    assert done.returncode == 0, done.stderr
    assert [mail["Subject"] for mail in mails] == [
        "[credit reporting: pipeline] 2026-05 stopped: fault"
    ]
