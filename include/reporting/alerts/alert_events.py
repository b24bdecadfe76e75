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
from reporting.core.errors import BadCall, ReportingError
from reporting.core.run import CHINA
from reporting.core.safe_text import require_impersonal
from reporting.core.settings import Settings
from reporting.store.submission_ledger import current_actor

ESCALATED_TO = "compliance"
MANY_DAYS = 9999

EventName = Literal["sent", "acknowledged", "reminded", "waived", "resolved"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlertEvent:
    """One event of one alert; the alert is a month and what failed in it, such as a check."""

    happened_at: datetime  # wall clock, China time
    event: EventName
    month: str
    finding: str  # the id of a check, or of an error
    audience: str  # whose alert it is
    severity: str
    reached: str  # the audience that got the message; of an answer empty
    actor: str
    taken_by: str = ""  # who took the alert, as named
    note: str = ""

    @property
    def alert(self) -> tuple[str, str, str]:
        """Month, audience and finding: what was alerted."""
        return self.month, self.audience, self.finding


@dataclass(frozen=True)
class OpenAlert:
    """An alert that is not resolved: since when, and whether somebody has answered it."""

    month: str
    finding: str
    audience: str
    severity: str
    sent_at: datetime | None = None  # not known: of an older version, or of a killed process
    last_sent_at: datetime | None = None  # to its audience, as an alert or a reminder
    escalated_at: datetime | None = None  # when ``ESCALATED_TO`` was last reminded of it
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
    try:
        _write(events, settings)
    except OSError as error:
        log.warning("%s cannot be written (%s)", settings.alert_events, error.strerror)


def _write(events: Sequence[AlertEvent], settings: Settings) -> None:
    if not events:
        return
    path = settings.alert_events
    lines = "".join(
        json.dumps(_FORM.dump_python(one, mode="json"), ensure_ascii=False) + "\n" for one in events
    )
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
    """The open alerts, by month and finding, each with what happened since it was sent first.

    Which are open is what ``open_alerts`` remembers. One without events, since a process was killed
    between the two files, counts as critical and unanswered.
    """
    history: dict[tuple[str, str, str], list[AlertEvent]] = {}
    for event in read(settings):
        if event.event == "resolved":
            history.pop(event.alert, None)
        else:
            history.setdefault(event.alert, []).append(event)
    return [
        _as_open(*alert, history.get(alert, [])) for alert in open_alerts.recall(settings).open()
    ]


def _as_open(month: str, audience: str, finding: str, events: list[AlertEvent]) -> OpenAlert:
    sent = [one for one in events if one.event == "sent"]
    severity = sent[-1].severity if sent else "critical"
    last_reached = {one.reached: one.happened_at for one in events if one.reached}
    # an answer to a warning is none to the critical alert that follows
    answers = [
        one
        for one in events
        if one.event in ("acknowledged", "waived") and one.severity in (severity, "critical")
    ]
    return OpenAlert(
        *(month, finding, audience, severity),
        sent_at=sent[0].happened_at if sent else None,
        last_sent_at=last_reached.get(audience),
        escalated_at=last_reached.get(ESCALATED_TO) if audience != ESCALATED_TO else None,
        answered_by=answers[-1].taken_by if answers else "",
    )


def acknowledge(alert_id: str, by: str, note: str, settings: Settings) -> OpenAlert:
    """Note that a named person has taken an open alert: it is not repeated any more.

    Returns the alert as it was before. Raises BadCall if no such alert is open, or if a text is
    missing or personal; ReportingError if the answer cannot be written.
    """
    by, note = " ".join(by.split()), " ".join(note.split())
    if not by:
        raise BadCall("--by is empty: name who takes the alert")
    require_impersonal("--by", by)
    require_impersonal("--note", note)
    known = open_now(settings)
    taken = [one for one in known if one.alert_id == alert_id]
    if not taken:
        ids = ", ".join(sorted({one.alert_id for one in known}))
        raise BadCall(f"no alert {alert_id} is open" + (f"; open are: {ids}" if ids else ""))
    try:
        _write([_answer("acknowledged", one, by, note) for one in taken], settings)
    except OSError as error:
        raise ReportingError(
            f"{settings.alert_events} cannot be written ({error.strerror}): the alert is not "
            "acknowledged; correct that and call again"
        ) from None
    return taken[0]


def waived(month: str, finding: str, by: str, note: str, settings: Settings) -> None:
    """Note that a warning was waived, if it was alerted."""
    alert_id = id_of(month, finding)
    taken = [one for one in open_now(settings) if one.alert_id == alert_id]
    append([_answer("waived", one, by, note) for one in taken], settings)


def _answer(event: EventName, one: OpenAlert, by: str, note: str) -> AlertEvent:
    return AlertEvent(
        *(now(), event, one.month, one.finding, one.audience, one.severity, ""),
        actor=current_actor(),
        taken_by=by,
        note=note,
    )


def events_of(
    event: EventName, alerts: Iterable[tuple[str, str, str, str]], reached: str
) -> list[AlertEvent]:
    """The same event of several alerts, as of now: month, finding, severity, audience of each."""
    at, actor = now(), current_actor()
    return [
        AlertEvent(at, event, month, finding, audience, severity, reached, actor)
        for month, finding, severity, audience in alerts
    ]


def days_since(moment: datetime | None, day: date) -> int:
    """Whole days from a moment to a day; many where it is not known."""
    return (day - moment.date()).days if moment else MANY_DAYS
