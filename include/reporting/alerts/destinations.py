"""The destinations of a message, through Airflow's own connections and hooks.

Each kind of destination has a general connection (``reporting_alerts_smtp``). An audience may have
its own (``reporting_alerts_compliance_smtp``), which then replaces the general one.

Importing this module imports Airflow; ``reporting.alerts.send`` does so only when a destination may
be configured. The hooks find a connection inside a task (environment, secrets backend, Airflow's
database) and outside a task (environment, secrets backend); no database is needed.
"""

import json
import logging
import os
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, TypeVar, cast

import httpx
import requests
from airflow.providers.apprise.hooks.apprise import AppriseHook
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from apprise import Apprise, NotifyFormat, NotifyType

from reporting.alerts.answers import LONGEST_ANSWER, refusal
from reporting.alerts.message import RUNBOOK, Message

PREFIX = "reporting_alerts"
SECONDS = 10  # longest wait for one answer of a server, and for all services of Apprise
ATTEMPTS = 2  # to reach a server that answers with an error code, such as "too many messages"
PAUSE = 3.0  # seconds between them
MAIL_DEFAULTS = {"timeout": SECONDS, "retry_limit": 0}  # the hook's own: 30 s, six times
NOTIFY_TYPES = {
    "stopped": NotifyType.FAILURE,
    "resolved": NotifyType.SUCCESS,
    "test": NotifyType.INFO,
}
UNUSED = "no audience uses it: each has its own, or none has this name (docs/checks.md: owners)"
WEBHOOK_OPTIONS = {"endpoint", "timeout"}  # every other extra is a header

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class NotDeliveredError(Exception):
    """Why a destination did not accept a message, in words without secrets."""


# What the hooks and their libraries raise for a wrong connection or a failing server (mail and
# network errors are OSErrors). Their texts may hold addresses, so only the name is logged.
FAULTS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    httpx.HTTPError,
    httpx.InvalidURL,
)


class BoundedSmtpHook(SmtpHook):
    """The provider's hook with shorter waits where the connection names none."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """The connection, with our defaults where it does not say otherwise."""
        connection = super().get_connection(conn_id)
        connection.extra = json.dumps(MAIL_DEFAULTS | connection.extra_dejson)
        return connection


@dataclass(frozen=True)
class Destination:
    """An Airflow connection to which messages of some audiences go."""

    name: str
    kind: str
    audiences: tuple[str, ...]


def deliver(message: Message) -> list[str]:
    """Send a message to each destination of its audience; return those that delivered it."""
    chosen = destinations((message.audience,))
    if not chosen:
        log.info("no alert destination of %s configured (%s#alerts)", message.audience, RUNBOOK)
    delivered = []
    for one in chosen:
        if why := attempt(one, message):
            _warn(one.name, why)
        else:
            log.info("alert delivered to %s", one.name)
            delivered.append(one.name)
    return delivered


def destinations(audiences: tuple[str, ...]) -> list[Destination]:
    """The connections that exist for these audiences, each once, with the audiences it serves."""
    serves: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS:
        for audience in audiences:
            if name := _connection_of(kind, audience):
                serves.setdefault((name, kind), []).append(audience)
    return [Destination(name, kind, tuple(whom)) for (name, kind), whom in serves.items()]


def every_destination(audiences: tuple[str, ...]) -> dict[Destination, str]:
    """Every connection configured as a destination, with the reason if it is not used.

    Not used are variables that Airflow cannot read, general connections where every audience has
    its own, and names that belong to no audience.
    """
    found = dict.fromkeys(destinations(audiences), "")
    in_use = {one.name for one in found}
    meant = {f"{PREFIX}_{kind}": kind for kind in KINDS if _is_found(f"{PREFIX}_{kind}")}
    start = f"AIRFLOW_CONN_{PREFIX.upper()}_"
    meant |= {
        variable.removeprefix("AIRFLOW_CONN_").lower(): variable.rpartition("_")[2].lower()
        for variable, value in os.environ.items()
        if variable.startswith(start) and value
    }
    for name in sorted(meant.keys() - in_use):
        why = unreadable(name) if not _is_found(name) else UNUSED
        found[Destination(name, meant[name], ())] = why
    return found


def attempt(destination: Destination, message: Message) -> str:
    """Send a message to one destination; returns why it was not delivered, empty if it was."""
    try:
        KINDS[destination.kind](destination.name, message)
    except (NotDeliveredError, AirflowException) as fault:
        return str(fault)
    except FAULTS as fault:
        return type(fault).__name__
    return ""


def _connection_of(kind: str, audience: str) -> str | None:
    """The audience's own connection of a kind, else the general one, else None."""
    names = (f"{PREFIX}_{audience}_{kind}", f"{PREFIX}_{kind}")
    return next(filter(_exists, names), None)


def _exists(name: str) -> bool:
    is_found = _is_found(name)
    if not is_found and (why := unreadable(name)):
        _warn(name, why)
    return is_found


def _is_found(name: str) -> bool:
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return False
    return True


def unreadable(name: str) -> str:
    """Why Airflow ignores a configured connection; empty if it is not configured.

    Airflow ignores a variable whose text it cannot parse.
    """
    variable = f"AIRFLOW_CONN_{name.upper()}"
    if not os.environ.get(variable):
        return ""
    return f"{variable} holds neither a connection as JSON nor one as a URI"


def _warn(name: str, why: str) -> None:
    log.warning(
        "alert not delivered to %s: %s; correct this Airflow connection (%s#alerts)",
        name,
        why,
        RUNBOOK,
    )


def _send_mail(name: str, message: Message) -> None:
    with BoundedSmtpHook(name) as hook:
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = _extra(hook.conn, "from_email")
        mail["To"] = _extra(hook.conn, "to_email").replace(";", ",")
        mail["Date"] = formatdate()  # required of a mail (RFC 5322); nothing else reads it
        mail.set_content(message.text, cte="quoted-printable")
        # The hook can write HTML only; the client that it opened and logged in sends plain text.
        refused = cast("smtplib.SMTP", hook._smtp_client).send_message(mail)
    if refused:
        raise NotDeliveredError(f"the server refused {len(refused)} of its recipients")


def _extra(connection: Connection, key: str) -> str:
    value = connection.extra_dejson.get(key)
    if not value:
        raise NotDeliveredError(f"its extra {key!r} names no address")
    return ", ".join(value) if isinstance(value, list) else str(value)


def _notify_services(name: str, message: Message) -> None:
    hook, services = AppriseHook(name), Apprise()
    connection = hook.get_connection(name)
    if "config" not in connection.extra_dejson:
        raise NotDeliveredError("its extra 'config' is missing")
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines show URLs with their tokens
    hook.set_config_from_conn(connection, services)
    # not through the hook: its notify() does not return whether a service accepted the message
    with _answers_read() as refusals:
        result = services.notify(
            message.text,
            title=message.subject,
            notify_type=NOTIFY_TYPES.get(message.outcome, NotifyType.WARNING),
            body_format=NotifyFormat.TEXT,
            timeout=SECONDS + PAUSE,
        )
    config = hook.get_config_from_conn(connection)
    unknown = (len(config) if isinstance(config, list) else 1) - len(services)
    if unknown > 0:
        raise NotDeliveredError(f"Apprise cannot read {unknown} of the URLs in its extra 'config'")
    if not result:
        failed = sum(not service for service in result)
        named = f": {', '.join(sorted(set(refusals)))}" if refusals else ""
        raise NotDeliveredError(f"{failed} of {len(services)} services did not take it{named}")


@contextmanager
def _answers_read() -> Iterator[list[str]]:
    """Collect why robots refused, and report each refusal to Apprise as an error.

    Its services for DingTalk, WeCom, Feishu and Lark treat every HTTP 200 as a delivery and discard
    the response, without a hook to read it. All of them send through this one method.
    """
    refusals: list[str] = []
    send = requests.Session.send

    def send_and_read(
        session: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        def once() -> tuple[requests.Response, str]:
            answer = send(session, request, **options)
            body = answer.content[:LONGEST_ANSWER] if answer.ok else b""
            return answer, refusal(body, str(request.url))

        answer, why = _tried_again(once)
        if why:
            refusals.append(why)
            raise requests.RequestException(why)
        return answer

    requests.Session.send = send_and_read  # type: ignore[assignment, method-assign]
    try:
        yield refusals
    finally:
        requests.Session.send = send  # type: ignore[method-assign]


def _tried_again(once: Callable[[], tuple[Answer, str]]) -> tuple[Answer, str]:
    """The result of sending, and why it was refused; a refused message is sent once more."""
    answer, why = once()
    for _ in range(ATTEMPTS - 1):
        if not why:
            break
        time.sleep(PAUSE)
        answer, why = once()
    return answer, why


def _post(name: str, message: Message) -> None:
    """Post the message as a JSON object; the connection is read as Airflow's HTTP hook reads it."""
    connection = BaseHook.get_connection(name)
    extra = connection.extra_dejson
    host = connection.host or ""
    if not host:
        raise NotDeliveredError("it names no host")
    address = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    if connection.port:
        address += f":{connection.port}"
    if endpoint := extra.get("endpoint"):
        address = f"{address.rstrip('/')}/{str(endpoint).lstrip('/')}"
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines show URLs with their tokens
    request = {
        "url": address,
        "json": dict(message.payload),
        "auth": (connection.login, connection.password or "") if connection.login else None,
        "headers": {key: str(value) for key, value in extra.items() if key not in WEBHOOK_OPTIONS},
        "timeout": float(extra.get("timeout") or SECONDS),
    }
    _, why = _tried_again(lambda: (None, _post_once(request)))
    if why:
        raise NotDeliveredError(f"the server answered 200 with {why}")


def _post_once(request: dict[str, Any]) -> str:
    """Why a server that responded 2xx refused it; NotDeliveredError for any other status."""
    with httpx.stream("POST", **request) as answer:
        if not answer.is_success:
            raise NotDeliveredError(f"the server answered {answer.status_code}")
        return refusal(_beginning(answer), " ".join([request["url"], *request["headers"].values()]))


def _beginning(answer: httpx.Response) -> bytes:
    """The first bytes of a response, which may never end: it is read for some seconds at most."""
    body, until = b"", time.monotonic() + SECONDS
    try:
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) >= LONGEST_ANSWER or time.monotonic() > until:
                break
    except httpx.HTTPError:
        pass  # the status was read before: the message is delivered
    return body[:LONGEST_ANSWER]


KINDS: dict[str, Callable[[str, Message], None]] = {
    "smtp": _send_mail,
    "apprise": _notify_services,
    "webhook": _post,
}
