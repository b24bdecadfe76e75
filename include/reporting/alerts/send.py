"""Send alerts: one message per run and audience.

The audience of a failed check is its owner (``expectations/runbook.yml``). Destinations are Airflow
connections; the runbook (docs/runbook.md, "Alerts") shows how to configure them. Open alerts are
remembered (``reporting.alerts.open_alerts``), so that the audience is notified when they are
resolved.
"""

import atexit
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from tempfile import TemporaryFile, mkdtemp
from types import ModuleType

from reporting.alerts import alert_events, open_alerts
from reporting.alerts.alert import Alert, Fault
from reporting.alerts.message import RUNBOOK, Message, compose, compose_test
from reporting.checks import guide
from reporting.core.errors import BadCall
from reporting.core.settings import Settings

__all__ = ["Alert", "Fault", "send_alert", "send_test"]

log = logging.getLogger(__name__)


def send_alert(alert: Alert, settings: Settings) -> dict[str, list[str]]:
    """Send each audience one message: what it has to do, and which of its alerts are resolved.

    Returns by audience the connections that delivered it. Never raises for a destination or for a
    home folder that cannot be written: such a failure is one warning line in the log, so that it
    does not hide the month's own error. Only delivered messages are remembered. Each step of a
    delivery waits 10 seconds at most, unless the connection says otherwise. A watch sends no
    finding again that was sent on the same day, or acknowledged.
    """
    over = _over(alert, settings)
    if not alert.audiences and not over:
        return {}
    if not may_have_destinations():
        log.info("no alert destination configured (%s#alerts)", RUNBOOK)
        return {}
    known = _known(alert, settings)
    delivered: dict[str, list[str]] = {}
    for audience in sorted({*alert.audiences, *over}):
        resolved = over.get(audience, [])
        if resolved or not {*alert.findings(audience)} <= known.get(audience, set()):
            delivered[audience] = deliver(compose(alert, audience, resolved), settings)
    _remember(alert, settings, [audience for audience, by in delivered.items() if by])
    return delivered


def _over(alert: Alert, settings: Settings) -> dict[str, list[str]]:
    """By audience, what it was alerted or reminded of and is resolved now."""
    over = open_alerts.recall(settings).over(alert.heals_up_to, alert.is_over)
    for one in alert_events.open_now(settings) if over else ():
        if one.escalated_at and one.finding in over.get(one.audience, []):
            over.setdefault(alert_events.ESCALATED_TO, []).append(one.finding)
    return {audience: sorted(set(ids)) for audience, ids in over.items()}


def _known(alert: Alert, settings: Settings) -> dict[str, set[str]]:
    """By audience, the findings that a watch does not send: sent today, or acknowledged."""
    if alert.outcome != "watched":
        return {}
    sent_today = open_alerts.sent_on(alert.as_of.date(), settings)
    known = {audience: set(findings) for audience, findings in sent_today.items()}
    answered = {
        (one.month, one.finding, one.severity, one.audience)
        for one in alert_events.open_now(settings)
        if one.answered_by
    }
    for audience in alert.audiences:
        findings = zip(alert.severities(audience), alert.findings(audience), strict=True)
        known.setdefault(audience, set()).update(
            words for one, words in findings if (*one, audience) in answered
        )
    return known


def _remember(alert: Alert, settings: Settings, reached: list[str]) -> None:
    """Remember the open alerts of each audience that was reached; drop the resolved ones."""
    if not reached:
        return
    events: list[alert_events.AlertEvent] = []
    with open_alerts.opened(settings) as memory:
        for audience in reached:
            over = memory.forget(alert.heals_up_to, audience, alert.is_over)
            resolved = [(month, one, "", audience) for month, one in over]
            events += alert_events.events_of("resolved", resolved, audience)
            if audience in alert.audiences:
                memory.note(alert.month, audience, alert.ids(audience))
                sent = [(*one, audience) for one in alert.severities(audience)]
                events += alert_events.events_of("sent", sent, audience)
        if alert.outcome == "watched":
            known = open_alerts.sent_on(alert.as_of.date(), settings)
            known |= {one: list(alert.findings(one)) for one in reached}
            open_alerts.keep_sent_on(alert.as_of.date(), settings, known)
    alert_events.append(events, settings)


@dataclass(frozen=True)
class DestinationResult:
    """The result of a test message; ``fault`` is empty where it was delivered."""

    connection: str
    audiences: tuple[str, ...]
    fault: str


def send_test(settings: Settings) -> list[DestinationResult]:
    """Send a test message to every destination in use; unused ones are listed with a reason.

    Raises BadCall if no destination is configured.
    """
    audiences = tuple(sorted({entry.owner for entry in guide.load()}))
    found = {}
    if may_have_destinations():
        destinations = _destinations(settings)
        found = destinations.every_destination(audiences)
    if not found:
        raise BadCall(f"no alert destination is configured; see {RUNBOOK}#configure-a-destination")
    return [
        DestinationResult(
            one.name,
            one.audiences,
            why or destinations.attempt(one, compose_test(one.audiences)),
        )
        for one, why in found.items()
    ]


def may_have_destinations() -> bool:
    """Whether it is worth importing Airflow (3 s).

    Inside a task Airflow is loaded and knows the connections. Outside a task they can only come
    from Airflow's own environment variables.
    """
    if "airflow.sdk" in sys.modules:
        return True
    return any(
        name.startswith("AIRFLOW_CONN_REPORTING_ALERTS_") and value
        for name, value in os.environ.items()
    )


def deliver(message: Message, settings: Settings) -> list[str]:
    """Deliver a message; returns the connections that did. Never raises."""
    if not may_have_destinations():
        return []
    with suppress(Exception):  # whatever Airflow raises, the month's own error must be seen
        delivered: list[str] = _destinations(settings).deliver(message)
        return delivered
    log.warning("alert not sent: Airflow does not work here; try `reporting alert-test`")
    return []


def _destinations(settings: Settings) -> ModuleType:
    """Import the module that imports Airflow; outside a task, without its logging set-up."""
    if "airflow" not in sys.modules:
        os.environ.setdefault("AIRFLOW_HOME", _airflow_home(settings))
        os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")
    with _same_log():
        return import_module("reporting.alerts.destinations")


def _airflow_home(settings: Settings) -> str:
    """A folder in which Airflow may write: in the home folder, else a temporary one."""
    folder = settings.home.resolve() / "airflow" / "alerts"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as probe:  # a full disk shows only when a block is written
            probe.write(bytes(4096))
    except OSError:
        temporary = mkdtemp(prefix="reporting-alerts-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary
    return str(folder)


@contextmanager
def _same_log() -> Iterator[None]:
    """Outside a task, keep the import of Airflow from changing logging and Python's warnings.

    Airflow's own set-up prints every line of every library on standard output.
    """
    if "airflow" in sys.modules:
        yield
        return
    root = logging.getLogger()
    handlers, level, show = root.handlers[:], root.level, warnings.showwarning
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
        warnings.showwarning = show
