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
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiosmtpd.controller import Controller

from reporting import alerts
from reporting.alerts import APPRISE_CONNECTION, SMTP_CONNECTION, Alert
from reporting.run import Run
from reporting.settings import PROJECT_ROOT, Settings

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
    description: str = "An account has one status a month (每月一行)."
    rows_checked: int = 1200
    passed: bool = False
    owner: str = "pipeline"
    example_keys: tuple[str, ...] = ("A1", "A2")
    is_waived: bool = False
    waiver_note: str = ""
    observed: str = "110101199001011234"

    @property
    def is_open(self) -> bool:
        return not self.passed and not self.is_waived


STOPPED = Alert(
    month="2026-05",
    as_of=datetime(2026, 6, 3),
    outcome="stopped",
    reason="month 2026-05: 2 critical checks failed in layer marts",
    results=[
        Result("status_unique"),
        Result("landing_fresh", "warning", 1, "landing", "raw.transactions"),
        Result("status_known", rows_failing=1),
        Result("status_rows", passed=True),
        Result("notices_pending", "info"),
    ],
    page=Path("check_pages/2026-05/index.html"),
)


class Mailbox:
    """What a mail server took; it refuses a recipient called nobody."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks for this name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        mail["X-Recipients"] = ", ".join(envelope.rcpt_tos)
        self.mails.append(mail)
        return "250 OK"


class MailServer(Controller):
    """Listens on a socket that is already bound, so that no port is guessed."""

    def __init__(self, mailbox: Mailbox, bound: socket.socket) -> None:
        super().__init__(mailbox, hostname="127.0.0.1", port=bound.getsockname()[1])
        self.bound = bound

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self.bound)


class Hook(BaseHTTPRequestHandler):
    """Keeps what was posted; the path /500 answers with an error."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))  # type: ignore[attr-defined] # see `web`
        self.send_response(500 if self.path == "/500" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture(scope="module", autouse=True)
def destinations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Airflow's first import sets up logging anew: before a test listens to the log."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        yield import_module("reporting.alert_destinations")


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured on this machine is no destination of a test."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def smtp_port() -> Iterator[tuple[int, list[EmailMessage]]]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        controller = MailServer(mailbox, bound)
        controller.start()
        yield controller.port, mailbox.mails
        controller.stop()


@pytest.fixture
def web() -> Iterator[tuple[int, list[dict[str, str]]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.posted = posted = []  # type: ignore[attr-defined] # what the handler fills
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], posted
    server.shutdown()
    thread.join()
    server.server_close()


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


def webhook(*urls: str) -> dict[str, Any]:
    return {"conn_type": "apprise", "extra": {"config": [{"path": url} for url in urls]}}


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings of this project; the mail server of the tests logs for itself."""
    ours = [r for r in caplog.records if r.name != "mail.log" and not r.name.startswith("airflow.")]
    return [r.getMessage() for r in ours if r.levelno >= logging.WARNING]


# --- the words


def test_a_message_groups_critical_checks_before_warnings_and_says_what_to_do() -> None:
    message = alerts.compose(STOPPED)
    assert message.subject == "[credit reporting] 2026-05 stopped: 2 critical checks failed (marts)"
    assert message.text == (
        "Credit reporting of 2026-05, as known at 2026-06-03T00:00:00: the month stopped.\n\n"
        "month 2026-05: 2 critical checks failed in layer marts\n\n"
        "Critical checks that failed: 2\n"
        "- status_unique (critical, marts.repayment_status): 3 of 1,200 rows. "
        "An account has one status a month (每月一行).\n"
        "- status_known (critical, marts.repayment_status): 1 of 1,200 rows. "
        "An account has one status a month (每月一行).\n\n"
        "Warnings: 1\n"
        "- landing_fresh (warning, raw.transactions): 1 of 1,200 rows. "
        "An account has one status a month (每月一行).\n\n"
        "Not done: no file was written; this run submits nothing.\n"
        "Check page: check_pages/2026-05/index.html\n"
        "What to do: docs/runbook.md#a-check-stopped-the-month\n"
    )
    assert message.is_stop


def test_a_month_that_only_warned_says_so() -> None:
    alert = replace(STOPPED, outcome="warned", reason="", results=[Result("late", "warning", 1)])
    message = alerts.compose(alert)
    assert message.subject == "[credit reporting] 2026-05 warned: 1 warning check failed (marts)"
    assert "no file was written" not in message.text
    assert "Critical" not in message.text
    assert not message.is_stop


def test_a_month_that_stopped_before_any_check_gives_the_errors_line() -> None:
    line = "landing: table bills has no files below landing/bills;\n deliver it"
    message = alerts.compose(replace(STOPPED, reason=line, results=[]))
    assert message.subject == (
        "[credit reporting] 2026-05 stopped: "
        "landing: table bills has no files below landing/bills; deliver it"
    )
    assert (
        "\n\nlanding: table bills has no files below landing/bills; deliver it\n\n" in message.text
    )
    assert "no file was written" in message.text
    assert "Check page" not in message.text


def test_a_long_list_is_cut_and_counted() -> None:
    message = alerts.compose(replace(STOPPED, results=[Result(f"c{n}") for n in range(14)]))
    assert message.text.count("\n- c") == alerts.MOST_CHECKS == 10
    assert "\n... and 4 more\n" in message.text


def test_a_long_reason_does_not_swell_the_message() -> None:
    message = alerts.compose(replace(STOPPED, reason="文" * 9000, results=[]))
    assert len(message.subject) == alerts.LONGEST_SUBJECT
    assert len(message.text) < 1000


def test_the_runbook_has_every_entry_that_a_message_names() -> None:
    headings = re.findall(r"^#+ (.+)$", (PROJECT_ROOT / alerts.RUNBOOK).read_text("utf-8"), re.M)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    ends = [
        STOPPED,
        replace(STOPPED, results=[]),
        replace(STOPPED, outcome="warned"),
    ]
    named = {alerts.compose(alert).text.split("#")[-1].strip() for alert in ends} | {"alerts"}
    assert len(named) == 4
    assert named <= anchors


def test_a_run_knows_its_page(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    run = Run.of("2026-05", None, settings)
    alert = Alert.stopped(run, "why", [], settings)
    page = tmp_path / "check_pages" / "2026-05" / "index.html"
    assert alert == Alert("2026-05", datetime(2026, 6, 3), "stopped", "why", [], page)
    assert Alert.warned(run, [], settings) == replace(alert, outcome="warned", reason="")


# --- the destinations


@pytest.mark.parametrize("form", ["json", "uri"])
def test_one_message_reaches_each_destination(
    form: str,
    smtp_port: tuple[int, list[EmailMessage]],
    web: tuple[int, list[dict[str, str]]],
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

    assert alerts.send(STOPPED) == [SMTP_CONNECTION, APPRISE_CONNECTION]

    expected = alerts.compose(STOPPED)
    [mail] = mails
    assert mail["Subject"] == expected.subject
    assert mail["From"] == "reporting@example.org"
    assert mail["X-Recipients"] == "data@example.org, risk@example.org"
    assert (mail.get_content_type(), mail.get_content_charset()) == ("text/plain", "utf-8")
    assert mail.get_content().replace("\r\n", "\n") == expected.text
    [post] = posted
    assert (post["title"], post["type"]) == (expected.subject, "failure")
    assert post["message"].strip() == expected.text.strip()
    assert Result("x").observed not in mail.as_string() + json.dumps(posted)
    assert warnings_of(caplog) == []


def test_a_mail_server_that_is_down_leaves_the_webhook(
    closed_port: int,
    web: tuple[int, list[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port, posted = web
    down = mail_to(closed_port) | {"login": "reporting", "password": PASSWORD}
    configure(monkeypatch, SMTP_CONNECTION, down)
    configure(monkeypatch, APPRISE_CONNECTION, webhook(f"json://127.0.0.1:{port}/"))
    assert alerts.send(replace(STOPPED, outcome="warned")) == [APPRISE_CONNECTION]
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
    web: tuple[int, list[dict[str, str]]],
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
    assert alerts.send(STOPPED) == [SMTP_CONNECTION]
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
    assert alerts.send(STOPPED) == []
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
    assert alerts.send(STOPPED) == []
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
    assert alerts.send(STOPPED) == []
    [line] = warnings_of(caplog)
    assert f"its extra '{key}' names no address" in line


def test_servers_that_never_answer_do_not_hold_up_the_run(
    silent_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configure(monkeypatch, SMTP_CONNECTION, mail_to(silent_port, timeout=1))
    url = f"json://127.0.0.1:{silent_port}/?rto=0.2"
    configure(monkeypatch, APPRISE_CONNECTION, webhook(url))
    assert alerts.send(STOPPED) == []
    assert len(warnings_of(caplog)) == 2


def test_waits_are_bounded_without_any_setting(
    destinations: ModuleType,
    smtp_port: tuple[int, list[EmailMessage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(monkeypatch, SMTP_CONNECTION, mail_to(smtp_port[0]))
    with destinations._BoundedSmtpHook(SMTP_CONNECTION) as hook:
        assert (hook.timeout, hook.smtp_retry_limit) == (10, 0)
        assert hook._smtp_client is not None
        assert hook._smtp_client.timeout == 10


# --- with Airflow and without it

PROGRAM = """
import logging, sys
from datetime import datetime
from pathlib import Path
from reporting import alerts
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
page = Path("page")
alert = alerts.Alert("2026-05", datetime(2026, 6, 3), "stopped", "landing fault", [], page)
print(alerts.send(alert), sorted({"airflow", "apprise", "great_expectations"} & set(sys.modules)))
"""

DAG_FILE = """
from airflow.sdk import dag, task

@dag
def alerting():
    @task
    def stop():
        from datetime import datetime
        from pathlib import Path
        from reporting import alerts
        alert = alerts.Alert("2026-05", datetime(2026, 6, 3), "stopped", "fault", [], Path("page"))
        assert alerts.send(alert) == ["reporting_alerts_smtp"]
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
    done = run_python(PROGRAM, tmp_path)
    assert done.stdout == "[] []\n"
    assert done.stderr == "INFO no alert destination configured (docs/runbook.md#alerts)\n"
    assert list(tmp_path.iterdir()) == []


def test_without_airflow_running_a_variable_is_enough_and_no_database_is_made(
    smtp_port: tuple[int, list[EmailMessage]], tmp_path: Path
) -> None:
    port, mails = smtp_port
    variable = {f"AIRFLOW_CONN_{SMTP_CONNECTION.upper()}": json.dumps(mail_to(port))}
    done = run_python(PROGRAM, tmp_path, **variable)
    assert f"['{SMTP_CONNECTION}'] ['airflow', 'apprise']" in done.stdout
    assert [mail["Subject"] for mail in mails] == [
        "[credit reporting] 2026-05 stopped: landing fault"
    ]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


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
    done = run_python(DAG_PROGRAM, tmp_path, uri, str(dags / "alerting.py"), **folder)
    assert done.returncode == 0, done.stderr
    assert [mail["Subject"] for mail in mails] == ["[credit reporting] 2026-05 stopped: fault"]
