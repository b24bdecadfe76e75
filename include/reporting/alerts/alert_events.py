"""What happened to each alert: sent, acknowledged, reminded, waived, resolved; by whom and when.

The events are only ever added to, one JSON object per line of ``alerts/events.jsonl`` in the home
folder; ``marts.alert_events`` shows them. Which alerts are open now stands in
``reporting.alerts.open_alerts``. A fault of the file is one line in the log and stops no alert.
"""

import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from reporting.alerts import open_alerts
from reporting.core.errors import BadCall
from reporting.core.run import CHINA
from reporting.core.safe_text import looks_personal
from reporting.core.settings import Settings
from reporting.store.submission_ledger import current_actor

EventName = Literal["sent", "acknowledged", "reminded", "waived", "resolved"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlertEvent:
    """One event of one alert; the alert is a month and what failed in it, such as a check."""

    at: datetime  # wall clock, China time
    event: EventName
    month: str
    finding: str  # the id of a check, or of an error
    audience: str  # who was alerted, reminded or informed
    severity: str
    actor: str
    note: str = ""

    @property
    def alert(self) -> tuple[str, str]:
        """Month and finding: what was alerted."""
        return self.month, self.finding


@dataclass(frozen=True)
class OpenAlert:
    """An alert that is not resolved: since when, and whether somebody has answered it."""

    month: str
    finding: str
    audience: str
    severity: str
    sent_at: datetime
    last_sent_at: datetime  # to its audience, as an alert or a reminder
    escalated_at: datetime | None  # when another audience was last reminded of it
    answered_by: str = ""

    @property
    def alert_id(self) -> str:
        """What ``reporting ack`` takes."""
        return id_of(self.month, self.finding)


_FORM = TypeAdapter(AlertEvent)


def id_of(month: str, finding: str) -> str:
    """The id of an alert for people: ``2026-05/landing.bills.delivered``."""
    return f"{month}/{finding}"


def now() -> datetime:
    """The wall clock in China, to the second."""
    return datetime.now(CHINA).replace(tzinfo=None, microsecond=0)


def append(events: Sequence[AlertEvent], settings: Settings) -> None:
    """Add events in one write; an error of the disk is one warning in the log."""
    if not events:
        return
    path = settings.alert_events
    lines = "".join(
        json.dumps(_FORM.dump_python(one, mode="json"), ensure_ascii=False) + "\n" for one in events
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            FileLock(path.with_name(".events.lock"), fallback_to_soft=False),
            path.open("ab+") as file,
        ):
            if file.tell() and not _ends_a_line(file.fileno()):
                file.write(b"\n")  # a killed writer left half a line, which is not read
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, error.strerror)


def _ends_a_line(file: int) -> bool:
    return os.pread(file, 1, os.fstat(file).st_size - 1) == b"\n"


def read(settings: Settings) -> list[AlertEvent]:
    """Every event, oldest first; half a line that a killed process left is skipped."""
    try:
        lines = settings.alert_events.read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        log.warning("%s cannot be read (%s)", settings.alert_events, error.strerror)
        return []
    found = []
    for line in lines:
        try:
            found.append(_FORM.validate_json(line))
        except ValidationError:
            log.warning("%s holds a line that is no event; it is skipped", settings.alert_events)
    return found


def open_now(settings: Settings) -> list[OpenAlert]:
    """The open alerts, by month and finding, each with what happened since it was sent first."""
    history: dict[tuple[str, str], list[AlertEvent]] = {}
    for event in read(settings):
        if event.event == "resolved":
            history.pop(event.alert, None)
        else:
            history.setdefault(event.alert, []).append(event)
    found = []
    for month, audience, finding in open_alerts.recall(settings).open():
        events = history.get((month, finding), [])
        sent = [one for one in events if one.event == "sent" and one.audience == audience]
        if not sent:
            continue  # of an older version, which wrote no events
        to_audience = [one for one in events if one.event in ("sent", "reminded")]
        others = [one.at for one in to_audience if one.audience != audience]
        answers = [one for one in events if one.event in ("acknowledged", "waived")]
        found.append(
            OpenAlert(
                *(month, finding, audience, sent[-1].severity, sent[0].at),
                last_sent_at=max(one.at for one in to_audience if one.audience == audience),
                escalated_at=max(others, default=None),
                answered_by=answers[-1].actor if answers else "",
            )
        )
    return found


def acknowledge(alert_id: str, by: str, note: str, settings: Settings) -> OpenAlert:
    """Note that a named person has taken an open alert: it is not repeated any more.

    Raises BadCall if no such alert is open, or if a text is missing or personal.
    """
    by, note = " ".join(by.split()), " ".join(note.split())
    if not by:
        raise BadCall("--by is empty: name who takes the alert")
    if any(map(looks_personal, (by, note))):
        raise BadCall("--by or --note holds what looks like a person's number: leave it out")
    known = {one.alert_id: one for one in open_now(settings)}
    if alert_id not in known:
        named = f"; open are: {', '.join(known)}" if known else "; none is open"
        raise BadCall(f"no alert {alert_id} is open{named}")
    one = known[alert_id]
    append(
        [
            AlertEvent(
                *(now(), "acknowledged", one.month, one.finding, one.audience, one.severity, by),
                note=note,
            )
        ],
        settings,
    )
    return one


def waived(month: str, finding: str, by: str, note: str, settings: Settings) -> None:
    """Note that a warning was waived, if it was alerted."""
    append(
        [
            AlertEvent(
                now(), "waived", one.month, one.finding, one.audience, one.severity, by, note
            )
            for one in open_now(settings)
            if one.alert_id == id_of(month, finding)
        ],
        settings,
    )


def events_of(
    event: EventName,
    alerts: Iterable[tuple[str, str, str]],
    audience: str,
    note: str = "",
) -> list[AlertEvent]:
    """The same event of several alerts, given by month, finding and severity, as of now."""
    at, actor = now(), current_actor()
    return [
        AlertEvent(at, event, month, finding, audience, severity, actor, note)
        for month, finding, severity in alerts
    ]


def days_since(moment: datetime, day: date) -> int:
    """Whole days from a moment to a day."""
    return (day - moment.date()).days
