"""The destinations of a message, through Airflow's own connections and hooks.

Each kind of destination has a connection for everybody (``reporting_alerts_smtp``) and may have one
for an audience (``reporting_alerts_compliance_smtp``), which takes the place of the general one.

Importing this module imports Airflow; ``reporting.alerts`` does so only when a destination may be
configured. The hooks find a connection inside a task (environment, secrets backend, Airflow's
database) and outside of one (environment, secrets backend) alike; no database is needed.
"""

import json
import logging
import os
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate
from typing import cast

import httpx
from airflow.providers.apprise.hooks.apprise import AppriseHook
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from apprise import Apprise, NotifyFormat, NotifyType

from reporting.alert_words import RUNBOOK, Message

PREFIX = "reporting_alerts"
SECONDS = 10  # longest wait for one answer of a server, and for all services of Apprise
MAIL_DEFAULTS = {"timeout": SECONDS, "retry_limit": 0}  # the hook's own: 30 s, six times
NOTIFY_TYPES = {"stopped": NotifyType.FAILURE, "resolved": NotifyType.SUCCESS}
WEBHOOK_OPTIONS = {"endpoint", "timeout"}  # every other extra is a header

log = logging.getLogger(__name__)


class NotDeliveredError(Exception):
    """Why a destination did not take a message, in words without secrets."""


# What the hooks and the libraries below them raise for a connection or a server that is not right
# (mail and network errors are OSErrors). Their texts may hold addresses: only the name is logged.
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


class _BoundedSmtpHook(SmtpHook):
    """The provider's hook with shorter waits where the connection names none."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        connection = super().get_connection(conn_id)
        connection.extra = json.dumps(MAIL_DEFAULTS | connection.extra_dejson)
        return connection


def deliver(message: Message) -> list[str]:
    """Send a message to each destination of its audience; return those that delivered it."""
    kinds = {"smtp": _send_mail, "apprise": _notify_services, "webhook": _post}
    chosen = {kind: _connection_of(kind, message.audience) for kind in kinds}
    if not any(chosen.values()):
        log.info("no alert destination of %s configured (%s#alerts)", message.audience, RUNBOOK)
    return [
        name for kind, name in chosen.items() if name and _is_delivered(name, kinds[kind], message)
    ]


def _connection_of(kind: str, audience: str) -> str | None:
    """The audience's own connection of a kind, else the one for everybody, else none."""
    names = (f"{PREFIX}_{audience}_{kind}", f"{PREFIX}_{kind}")
    return next(filter(_exists, names), None)


def _exists(name: str) -> bool:
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        variable = f"AIRFLOW_CONN_{name.upper()}"
        if os.environ.get(variable):  # Airflow passes over a text that it cannot parse
            _warn(name, f"{variable} holds neither a connection as JSON nor one as a URI")
        return False
    return True


def _is_delivered(name: str, send: Callable[[str, Message], None], message: Message) -> bool:
    try:
        send(name, message)
    except (NotDeliveredError, AirflowException) as fault:
        _warn(name, str(fault))
    except FAULTS as fault:
        _warn(name, type(fault).__name__)
    else:
        log.info("alert delivered to %s", name)
        return True
    return False


def _warn(name: str, why: str) -> None:
    log.warning(
        "alert not delivered to %s: %s; correct this Airflow connection (%s#alerts)",
        name,
        why,
        RUNBOOK,
    )


def _send_mail(name: str, message: Message) -> None:
    with _BoundedSmtpHook(name) as hook:
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
    # not through the hook: its notify() does not tell whether a service took the message
    result = services.notify(
        message.text,
        title=message.subject,
        notify_type=NOTIFY_TYPES.get(message.outcome, NotifyType.WARNING),
        body_format=NotifyFormat.TEXT,
        timeout=SECONDS,
    )
    config = hook.get_config_from_conn(connection)
    unknown = (len(config) if isinstance(config, list) else 1) - len(services)
    if unknown > 0:
        raise NotDeliveredError(f"Apprise cannot read {unknown} of the URLs in its extra 'config'")
    if not result:
        failed = sum(not service for service in result)
        raise NotDeliveredError(f"{failed} of {len(services)} services did not take it")


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
    login = (connection.login, connection.password or "") if connection.login else None
    with httpx.stream(  # the body of the answer, which may never end, is not waited for
        "POST",
        address,
        json=dict(message.payload),
        auth=login,
        headers={key: str(value) for key, value in extra.items() if key not in WEBHOOK_OPTIONS},
        timeout=float(extra.get("timeout") or SECONDS),
    ) as answer:
        if not answer.is_success:
            raise NotDeliveredError(f"the server answered {answer.status_code}")
