"""What becomes of a month reaches the people whose it is: one message a run and audience.

The audience of a failed check is its owner (``expectations/runbook.yml``). Destinations are Airflow
connections; the runbook (docs/runbook.md, "Alerts") shows how to configure them. What was told is
remembered (``reporting.alert_memory``), so that its audience also hears when it is over.
"""

import logging
import os
import sys
from dataclasses import dataclass

from reporting import alert_memory, runbook
from reporting.alert_words import RUNBOOK, Alert, Fault, Message, compose, compose_test
from reporting.errors import BadCall
from reporting.settings import Settings

__all__ = ["Alert", "Fault", "send", "send_test"]

log = logging.getLogger(__name__)


def send(alert: Alert, settings: Settings) -> dict[str, list[str]]:
    """Tell each audience what it has to do and what of it is over, in one message.

    Returns by audience the connections that delivered it. Never raises for a destination: what
    failed is one warning line in the log, because the month's own error must be the one that is
    seen. Only what was delivered counts as told. Each step of a delivery waits 10 seconds at most,
    unless the connection says otherwise.
    """
    over = alert_memory.recall(settings).over(alert.heals_up_to, alert.is_over)
    if not alert.audiences and not over:
        return {}
    if not _may_have_destinations():
        log.info("no alert destination configured (%s#alerts)", RUNBOOK)
        return {}
    delivered: dict[str, list[str]] = {}
    with alert_memory.opened(settings) as memory:
        over = memory.over(alert.heals_up_to, alert.is_over)
        for audience in sorted({*alert.audiences, *over}):
            resolved = over.get(audience, [])
            delivered[audience] = _deliver(compose(alert, audience, resolved))
            if not delivered[audience]:
                continue
            memory.forget(alert.heals_up_to, audience, resolved)
            if audience in alert.audiences:
                memory.note(alert.month, audience, alert.ids(audience))
    return delivered


@dataclass(frozen=True)
class DestinationResult:
    """What a destination answered to a test message: empty where it delivered it."""

    connection: str
    audiences: tuple[str, ...]
    fault: str


def send_test() -> list[DestinationResult]:
    """Send a test message to every destination that is configured, also to those passed over.

    Raises BadCall where none is.
    """
    audiences = tuple(sorted({entry.owner for entry in runbook.load()}))
    found = {}
    if _may_have_destinations():
        from reporting import alert_destinations

        found = alert_destinations.every_destination(audiences)
    if not found:
        raise BadCall(f"no alert destination is configured; see {RUNBOOK}#configure-a-destination")
    return [
        DestinationResult(
            one.name,
            one.audiences,
            why or alert_destinations.attempt(one, compose_test(one.audiences)),
        )
        for one, why in found.items()
    ]


def _may_have_destinations() -> bool:
    """Whether it is worth to import Airflow (3 s).

    Inside a task Airflow is there and knows the connections. Outside they can only come from
    Airflow's own environment variables.
    """
    if "airflow.sdk" in sys.modules:
        return True
    return any(
        name.startswith("AIRFLOW_CONN_REPORTING_ALERTS_") and value
        for name, value in os.environ.items()
    )


def _deliver(message: Message) -> list[str]:
    from reporting import alert_destinations

    return alert_destinations.deliver(message)
