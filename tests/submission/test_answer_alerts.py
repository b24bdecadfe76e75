"""Who must act on an answer of the bureau hears of it at once, and once: by a real mail server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from support.gnupg_keys import needs_gpg
from support.mail_server import Mailbox, receiving
from support.released_answers import Released, message
from support.released_months import FIRST, SECOND, approve, release_month

from reporting.alerts import open_alerts
from reporting.alerts.alert import Alert, Fault
from reporting.alerts.send import send_alert
from reporting.core.errors import DataNotFit
from reporting.core.settings import Settings
from reporting.pipeline import feedback_task, steps
from reporting.pipeline.airflow import MONTHLY_DAG, alert_unattended, reporting_variables
from reporting.store import run_marks
from reporting.store.month_order import run_of
from reporting.store.submission_ledger import acting
from reporting.submission import approval, feedback, repair, transport
from reporting.submission.transport import NotTransported

pytestmark = needs_gpg

VALUE = "110101199001011234"  # in the bureau's message


@pytest.fixture(scope="module", autouse=True)
def destinations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        import_module("reporting.alerts.destinations")
        yield


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with receiving() as (port, mailbox):
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {
                "from_email": "reports@example.org",
                "to_email": "all@example.org",
                "disable_ssl": True,
                "disable_tls": True,
            },
        }
        name = "AIRFLOW_CONN_REPORTING_ALERTS_SMTP"
        monkeypatch.setenv(name, json.dumps(connection))
        yield mailbox


def set_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings, as a task of Airflow finds them."""
    for name, value in reporting_variables(settings).items():
        monkeypatch.setenv(name, value)


def audiences(mailbox: Mailbox) -> list[str]:
    """Who got the mails that came, which are taken out of the box."""
    found = [subject.partition(": ")[2].partition("]")[0] for subject in mailbox.subjects]
    assert not any(VALUE in str(mail) for mail in mailbox.mails)
    mailbox.mails.clear()
    return sorted(found)


@pytest.mark.nightly
def test_each_owner_hears_of_its_codes_once_and_when_it_is_sent_again(
    released: Released, mailbox: Mailbox
) -> None:
    settings, name = released.settings, released.file("210")
    first, second, third = released.lines[name][:3]
    messages = [message(first), message(second), message(third, "ABR006")]
    released.answer(name, *messages)
    released.read()
    text = next(
        mail.get_content() for mail in mailbox.mails if "data_delivery" in str(mail["subject"])
    )
    assert f"feedback.rejected/BLE011/{name[:30]}" in text
    assert f"2 of {len(released.lines[name])} rows" in text
    assert "correct the account's rows; due on 2026-06-13" in text
    assert "docs/checks.md#feedback.rejected" in text.split()
    assert first not in text
    assert audiences(mailbox) == ["data_delivery", "pipeline"]

    other = released.file("110")
    released.answer(other)
    released.read()
    assert audiences(mailbox) == []  # nothing new

    with acting("os:anna"):
        steps.run_month(run_of(SECOND, None, settings), settings)
    mailbox.mails.clear()  # of the month itself
    approve(settings, SECOND)
    assert audiences(mailbox) == []
    release_month(settings, SECOND)
    (subject, *_) = mailbox.subjects
    assert "answers resolved" in subject
    assert audiences(mailbox) == ["pipeline"]
    # what only other content helps is not sent again unchanged (rule H08)
    ((_, left),) = open_alerts.recall(settings).ids("feedback.")
    assert "BLE011" in left


def test_a_file_refused_whole_is_one_alert(released: Released, mailbox: Mailbox) -> None:
    name = released.file("220")
    released.answer(name, "ABF000反馈消息：0000消息内容：decrypt原出错记录：")  # noqa: RUF001
    released.read()
    assert f"feedback.refused/ABF000/{name[:30]}" in mailbox.mails[0].get_content()
    assert audiences(mailbox) == ["pipeline"]


def test_an_answer_that_counts_for_nothing_is_an_incident_until_its_file_is_gone(
    released: Released, mailbox: Mailbox
) -> None:
    settings, name = released.settings, released.file("210")
    released.answer(name)
    released.read()
    path = released.answer(name, message(released.lines[name][0]))
    assert len(released.read().faults) == 1
    words = " ".join(mailbox.mails[0].get_content().split())
    assert f"{name} was answered by {path.name} on 2026-06-03, and in another way" in words
    assert audiences(mailbox) == ["pipeline"]
    released.read()
    assert audiences(mailbox) == []
    (settings.inbox / "refused" / path.name).unlink()
    released.read()
    assert "answers resolved" in mailbox.subjects[0]
    assert audiences(mailbox) == ["pipeline"]


KILLED = """
import os
from datetime import datetime
from reporting.core.settings import load_settings
from reporting.submission import feedback, repair
feedback.alert = lambda *_: os._exit(9)  # after the batch and the database
feedback.read_answers([], load_settings(), lambda: datetime(2026, 6, 3, 9))
"""


def test_what_a_killed_command_did_not_alert_the_next_one_does(
    released: Released, mailbox: Mailbox
) -> None:
    settings, name = released.settings, released.file("210")
    released.answer(name, message(released.lines[name][0]))
    environment = {"PATH": "/usr/bin:/bin"} | reporting_variables(settings)
    include = str(Path(repair.__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        env=environment | {"PYTHONPATH": include},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    assert released.states(name)["REJECTED"] == 1
    assert audiences(mailbox) == []
    with acting("os:bo"):
        approval.decline(
            approval.newest_run(SECOND, None, settings),
            settings,
            run_marks.now(),
            reason="see the answer",
        )
    assert audiences(mailbox) == ["data_delivery"]


def test_what_was_not_delivered_is_sent_by_the_next_command(
    released: Released, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, name = released.settings, released.file("210")
    released.answer(name, message(released.lines[name][0]))
    with monkeypatch.context() as away:
        away.setenv("AIRFLOW_CONN_REPORTING_ALERTS_SMTP", '{"conn_type": "smtp"}')
        released.read()
    assert audiences(mailbox) == []
    feedback.read_answers([], settings, run_marks.now)
    assert audiences(mailbox) == ["data_delivery"]


def test_the_hourly_task_alerts_once(
    released: Released, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = released.settings
    set_environment(settings, monkeypatch)
    began = run_marks.now()
    released.answer(released.file("110"), count=2)
    with pytest.raises(DataNotFit, match="counts 2 messages and holds 0"):
        feedback_task.read_answers()
    assert audiences(mailbox) == ["pipeline"]
    # Airflow's callback of the failed task finds that its error was sent
    assert run_marks.is_settled(settings, run_marks.WATCH, began)


def test_answers_that_cannot_be_fetched_are_alerted_until_they_are_read(
    released: Released, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = released.settings
    set_environment(settings, monkeypatch)
    words = "the bureau's answers were not fetched (bureau: Connection refused, 3 tries)"

    def away(*_: object) -> None:
        raise NotTransported(words)

    with monkeypatch.context() as patch:
        patch.setattr(transport, "fetch", away)
        with pytest.raises(NotTransported):
            feedback_task.read_answers()
    [mail] = mailbox.mails
    assert "The bureau's answers were not read." in mail.get_content()
    assert words in mail.get_content()
    assert "#an-answer-is-missing" in mail.get_content()
    mailbox.mails.clear()
    # the daily watch is another matter, and resolves nothing of it
    send_alert(Alert.watched(date(2026, 6, 4), date(2026, 5, 1), settings, []), settings)
    assert mailbox.mails == []
    feedback_task.read_answers()
    [mail] = mailbox.mails
    assert "watch.answers_unread: no longer fails" in mail.get_content()


def test_a_release_that_failed_is_resolved_by_the_release(
    approved: Settings, mailbox: Mailbox
) -> None:
    run = approval.newest_run(FIRST, None, approved)
    fault = Fault.in_step("release", "x stopped it (task release)", "pipeline")
    send_alert(Alert.stopped(run, approved, [], fault), approved)
    mailbox.mails.clear()
    release_month(approved, FIRST)
    [mail] = mailbox.mails
    assert "step.release: no longer fails" in mail.get_content()
    assert "The month is released." in mail.get_content()


def test_an_error_of_a_supplement_is_about_the_supplement(
    released: Released, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(released.settings, monkeypatch)
    cut_off = "2026-05-20T00:00:00"
    with (
        pytest.raises(ValueError, match="x"),
        alert_unattended(MONTHLY_DAG, "release", FIRST, cut_off),
    ):
        raise ValueError("x")
    [mail] = mailbox.mails
    assert f"{FIRST}@20260520T000000 stopped" in str(mail["subject"])
    marks = released.settings.home / "alerts" / "runs"
    assert [path.name for path in marks.glob("*.json")] == [f"{FIRST}@20260520T000000.json"]
