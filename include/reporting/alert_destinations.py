"""The destinations of an alert, through Airflow's own connections and hooks.

Importing this module imports Airflow; ``reporting.alerts`` does so only when a destination may be
configured. The hooks find a connection inside a task (environment, secrets backend, Airflow's
database) and outside of one (environment, secrets backend) alike; no database is needed.
"""

import json
import logging
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial
from typing import cast

from airflow.providers.apprise.hooks.apprise import AppriseHook
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from apprise import Apprise, NotifyFormat, NotifyType

from reporting.alerts import APPRISE_CONNECTION, RUNBOOK, SMTP_CONNECTION, Message, variable_of

SECONDS = 10  # longest wait for one answer of a mail server, and for all services of Apprise
MAIL_DEFAULTS = {"timeout": SECONDS, "retry_limit": 0}  # the hook's own: 30 s, six times

log = logging.getLogger(__name__)


class NotDeliveredError(Exception):
    """Why a destination did not take a message, in words without secrets."""


# What the hooks and the libraries below them raise for a connection or a server that is not right
# (mail and network errors are OSErrors). Their texts may hold addresses: only the name is logged.
FAULTS = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ImportError)


class _BoundedSmtpHook(SmtpHook):
    """The provider's hook with shorter waits where the connection names none."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        connection = super().get_connection(conn_id)
        connection.extra = json.dumps(MAIL_DEFAULTS | connection.extra_dejson)
        return connection


def configured() -> dict[str, Callable[[Message], bool]]:
    """A function for each configured destination that says whether it delivered a message."""
    senders = {SMTP_CONNECTION: _send_mail, APPRISE_CONNECTION: _notify_services}
    return {name: partial(_deliver, name, send) for name, send in senders.items() if _exists(name)}


def _exists(name: str) -> bool:
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        if variable := variable_of(name):  # Airflow passes over a text that it cannot parse
            _warn(name, f"{variable} holds neither a connection as JSON nor one as a URI")
        return False
    return True


def _deliver(name: str, send: Callable[[Message], None], message: Message) -> bool:
    try:
        send(message)
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


def _send_mail(message: Message) -> None:
    with _BoundedSmtpHook(SMTP_CONNECTION) as hook:
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


def _notify_services(message: Message) -> None:
    hook, services = AppriseHook(APPRISE_CONNECTION), Apprise()
    connection = hook.get_connection(APPRISE_CONNECTION)
    if "config" not in connection.extra_dejson:
        raise NotDeliveredError("its extra 'config' is missing")
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines show URLs with their tokens
    hook.set_config_from_conn(connection, services)
    # not through the hook: its notify() does not tell whether a service took the message
    result = services.notify(
        message.text,
        title=message.subject,
        notify_type=NotifyType.FAILURE if message.is_stop else NotifyType.WARNING,
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
