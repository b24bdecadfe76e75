"""A chat robot that refuses a message with HTTP 200 has not delivered it; a test message shows it.

The services are Apprise's own and the server is real; only their addresses lead to this machine.
"""

import json
import logging
import os
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.wecombot import NotifyWeComBot
from support.web_server import listening
from typer.testing import CliRunner

from reporting.alerts.answers import refusal
from reporting.alerts.message import Message, compose_test
from reporting.cli import app
from reporting.core.errors import BadCall, ReportingError

TOKEN = "a1b2c3d4" * 8  # it opens nothing
WORD = "blackbird"  # a token that looks like a word
ADDRESS = f"https://robot.example.org/send?access_token={TOKEN}&key={WORD}"

ROBOTS = {
    "dingtalk": (NotifyDingTalk, f"dingtalk://{TOKEN}"),
    "feishu": (NotifyFeishu, f"feishu://{TOKEN}"),
    "lark": (NotifyLark, f"lark://{TOKEN}"),
    "wecombot": (NotifyWeComBot, f"wecombot://{TOKEN}"),
}
TAKEN = {"errcode": 0, "errmsg": "ok"}
REFUSED = {
    "errcode": 310000,
    "errmsg": f"keywords not in content {TOKEN}, see https://x.org/{TOKEN}",
}


@pytest.fixture(autouse=True)
def destinations(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The module under test, without a pause and without this machine's own connections."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(name)
    module = import_module("reporting.alerts.destinations")
    monkeypatch.setattr(module, "PAUSE", 0.0)
    yield module


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [r for r in caplog.records if r.name.startswith("reporting.")]
    return [r.getMessage() for r in ours if r.levelno >= logging.WARNING]


def connect(
    monkeypatch: pytest.MonkeyPatch, kind: str, connection: str, audience: str = ""
) -> None:
    """Make the server a destination: itself as a webhook, or as the robot of one kind."""
    name = f"AIRFLOW_CONN_REPORTING_ALERTS_{audience}".rstrip("_").upper()
    if kind == "webhook":
        monkeypatch.setenv(f"{name}_WEBHOOK", connection)
        return
    service, url = ROBOTS[kind]
    monkeypatch.setattr(service, "request_rate_per_sec", 0)  # Apprise waits between two messages
    port = json.loads(connection)["port"]
    token = {"lark": "", "wecombot": "{key}"}.get(kind, "{token}")
    monkeypatch.setattr(service, "notify_url", f"http://127.0.0.1:{port}/send/{token}")
    value = {"conn_type": "apprise", "extra": {"config": [{"path": url}]}}
    monkeypatch.setenv(f"{name}_APPRISE", json.dumps(value))


def message() -> Message:
    return compose_test(["pipeline"])


@pytest.mark.parametrize("kind", ["webhook", *ROBOTS])
@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (REFUSED, "errcode 310000 (keywords not in content see)"),
        ({"code": 9499, "msg": "Bad Request", "data": {}}, "code 9499 (Bad Request)"),
        ({"StatusCode": 11232, "StatusMessage": "频率超限"}, "StatusCode 11232 (频率超限)"),
        ({"errcode": "93000", "errmsg": ""}, "errcode 93000"),
    ],
)
def test_a_refusal_with_http_200_is_not_delivered_and_named_without_its_token(
    kind: str,
    answer: dict[str, Any],
    named: str,
    destinations: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with listening(answer, answer, TAKEN) as (connection, posted):
        connect(monkeypatch, kind, connection)
        assert destinations.deliver(message()) == []
    assert len(posted) == 2  # tried again, once
    [line] = warnings_of(caplog)
    assert named in line
    assert TOKEN not in caplog.text
    assert "127.0.0.1" not in line


@pytest.mark.parametrize("kind", ["webhook", *ROBOTS])
def test_a_robot_that_takes_it_at_the_second_attempt_has_delivered_it(
    kind: str,
    destinations: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with listening(REFUSED, TAKEN) as (connection, posted):
        connect(monkeypatch, kind, connection)
        assert len(destinations.deliver(message())) == 1
    assert len(posted) == 2
    assert posted[0] == posted[1]
    assert warnings_of(caplog) == []


def test_only_the_robot_that_refused_is_tried_again(
    destinations: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(REFUSED, REFUSED) as (refusing, refused), listening() as (taking, taken):
        connect(monkeypatch, "dingtalk", refusing)
        port = json.loads(taking)["port"]
        config = [{"path": ROBOTS["dingtalk"][1]}, {"path": f"json://127.0.0.1:{port}/"}]
        value = {"conn_type": "apprise", "extra": {"config": config}}
        monkeypatch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_APPRISE", json.dumps(value))
        assert destinations.deliver(message()) == []
    assert (len(refused), len(taken)) == (2, 1)
    [line] = warnings_of(caplog)
    assert "1 of 2 services did not take it: errcode 310000" in line


@pytest.mark.parametrize(
    "answer",
    [TAKEN, {"code": 0}, {"StatusCode": 0, "code": 0}, {"code": 200}, {"code": True}, [], "ok", 7],
)
def test_every_other_answer_counts_as_delivered(answer: object) -> None:
    assert refusal(json.dumps(answer).encode(), ADDRESS) == ""
    assert refusal(b"<html>ok", ADDRESS) == refusal(b"", ADDRESS) == ""


def test_no_part_of_the_address_is_repeated() -> None:
    body = json.dumps({"code": 19001, "msg": f"token {WORD} is invalid; {TOKEN}; {ADDRESS}"})
    assert refusal(body.encode(), ADDRESS) == "code 19001 (token is invalid)"


# --- the command


def send_test() -> tuple[Exception | None, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.console, "_width", 200)
        done = CliRunner().invoke(app.app, ["alert-test"])
    error = done.exception
    return (error if isinstance(error, Exception) else None), " ".join(done.stdout.split())


def test_every_destination_gets_one_test_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (connection, general), listening(TAKEN) as (other, own):
        connect(monkeypatch, "webhook", connection)
        connect(monkeypatch, "webhook", other, "compliance")
        error, shown = send_test()
    assert error is None
    assert [post["audience"] for post in general] == ["data_delivery, pipeline"]
    assert [(post["audience"], post["outcome"]) for post in own] == [("compliance", "test")]
    assert "reporting_alerts_compliance_webhook compliance delivered" in shown
    assert "reporting_alerts_webhook data_delivery, pipeline delivered" in shown


def test_a_destination_that_refuses_is_named_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening(REFUSED, REFUSED) as (refusing, _), listening() as (taking, _):
        connect(monkeypatch, "dingtalk", refusing)
        connect(monkeypatch, "webhook", taking)
        error, shown = send_test()
    assert isinstance(error, ReportingError)
    assert error.exit_code == 1
    assert "not delivered to reporting_alerts_apprise;" in str(error)
    assert "1 of 1 services did not take it: errcode 310000 (keywords not in content see)" in shown
    assert "reporting_alerts_webhook compliance, data_delivery, pipeline delivered" in shown


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("SMTP", "{no json", "holds neither a connection as JSON nor one as a URI"),
        ("COMPLIENCE_WEBHOOK", "http://127.0.0.1", "no audience uses it"),
    ],
)
def test_a_destination_that_is_passed_over_counts_as_not_delivered(
    variable: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_REPORTING_ALERTS_{variable}", value)
    error, shown = send_test()
    assert isinstance(error, ReportingError)
    assert f"reporting_alerts_{variable.lower()}" in str(error)
    assert why in shown


def test_without_a_destination_it_is_a_wrong_call() -> None:
    error, _ = send_test()
    assert isinstance(error, BadCall)
    assert "no alert destination is configured" in str(error)


@pytest.mark.parametrize("flag", ["ok", "success"])
def test_a_flag_that_is_false_refuses(flag: str) -> None:
    body = json.dumps({flag: False, "message": "channel not found"}).encode()
    assert refusal(body, ADDRESS) == f"{flag} false (channel not found)"
    assert refusal(json.dumps({flag: True}).encode(), ADDRESS) == ""
