"""Repeat critical alerts that nobody has answered: daily, and after some days to compliance too."""

from collections.abc import Iterable
from datetime import date

from reporting.alerts import alert_events
from reporting.alerts.alert_events import ESCALATED_TO, OpenAlert
from reporting.alerts.message import compose_reminder
from reporting.alerts.send import deliver
from reporting.core.settings import Settings


def remind(day: date, settings: Settings) -> dict[str, list[str]]:
    """Send each audience one reminder of its unanswered critical alerts of earlier days.

    An alert that is unanswered for ``REPORTING_ESCALATION_DAYS`` goes to compliance as well. Each
    audience is reminded once a day. Returns by audience the connections that delivered it.
    """
    waiting = [
        one
        for one in alert_events.open_now(settings)
        if one.severity == "critical" and not one.answered_by
    ]
    by_audience: dict[str, list[OpenAlert]] = {}
    for one in waiting:
        if alert_events.days_since(one.last_sent_at, day) > 0:
            by_audience.setdefault(one.audience, []).append(one)
        if _is_escalated(one, day, settings):
            by_audience.setdefault(ESCALATED_TO, []).append(one)
    delivered = {}
    for audience, alerts in sorted(by_audience.items()):
        message = compose_reminder(audience, alerts, day, settings)
        delivered[audience] = deliver(message, settings)
        if delivered[audience]:
            alert_events.append(
                alert_events.events_of("reminded", _findings(alerts), audience), settings
            )
    return delivered


def _is_escalated(one: OpenAlert, day: date, settings: Settings) -> bool:
    if one.audience == ESCALATED_TO:
        return False
    if alert_events.days_since(one.escalated_at, day) <= 0:
        return False
    return alert_events.days_since(one.sent_at, day) >= settings.escalation_days


def _findings(alerts: Iterable[OpenAlert]) -> list[tuple[str, str, str, str]]:
    return [(one.month, one.finding, one.severity, one.audience) for one in alerts]
