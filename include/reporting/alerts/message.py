"""The text of an alert: one message to one audience, short enough for a chat.

A message holds ids, counts, pseudonymous keys and fixed sentences, never another value of a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reporting.alerts.alert import FEEDBACK, Alert, Fault
from reporting.alerts.alert_events import OpenAlert, days_since, id_of
from reporting.checks import guide
from reporting.checks.effects import endangers
from reporting.checks.results import CheckResult
from reporting.core.errors import BadCall
from reporting.core.run import deadline, parse_month
from reporting.core.settings import Settings

RUNBOOK = "docs/runbook.md"
MOST_CHECKS = 10  # in a message; the page of the month lists all of them
MOST_EXAMPLES = 3
LONGEST_SUBJECT = 120  # characters; most mail programs cut the rest off
LONGEST_TEXT = 4000  # characters; chat services refuse a message of more than 2,000 to 5,000
LONGEST_LIST = 2300  # of these, for the failed checks
LONGEST_SENTENCE = 300
LONGEST_NOTE = 160


@dataclass(frozen=True)
class Message:
    """One message to one audience: as text, and as the object that a webhook posts."""

    audience: str
    outcome: str
    subject: str
    text: str
    payload: Mapping[str, Any]


def compose(alert: Alert, audience: str, resolved: Sequence[str] = ()) -> Message:
    """Compose the message to one audience; ``resolved`` are ids alerted earlier, now resolved."""
    checks = alert.open_checks(audience)
    fault = alert.fault if alert.fault and alert.fault.audience == audience else None
    must_act = audience in alert.audiences
    outcome = alert.outcome if must_act else "resolved"
    if not must_act:
        checks = []
    paragraphs = [
        _first_line(alert, checks, fault, resolved),
        alert.figures,
        _checks(alert, checks),
        _resolved(alert, resolved),
        _last_lines(alert, audience, checks, fault),
    ]
    headline = _headline(checks, fault) if must_act else _names(resolved)
    what = f"watch {outcome}" if alert.outcome == "watched" and not must_act else outcome
    about = f"{alert.month} {what}"
    if what == "watched":
        about = f"watch of {alert.as_of:%Y-%m-%d}"
    elif alert.outcome == "answered":
        about = "the bureau's answers" if must_act else "answers resolved"
    subject = _one_line(f"[credit reporting: {audience}] {about}: {headline}", LONGEST_SUBJECT)
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    payload = {
        "month": alert.month,
        "as_of": alert.as_of.isoformat(),
        "outcome": outcome,
        "audience": audience,
        "subject": subject,
        "text": text,
        "checks": [_as_object(alert, check) for check in checks],
        "resolved": list(resolved),
    }
    return Message(audience, outcome, subject, text, payload)


def compose_reminder(
    audience: str, alerts: Sequence[OpenAlert], day: date, settings: Settings
) -> Message:
    """A reminder of unanswered critical alerts, and how to answer one."""
    lines = []
    for one in alerts[:MOST_CHECKS]:
        days = days_since(one.sent_at, day) if one.sent_at else 0
        since = f" for {_count(range(days), 'day')}" if days else ""
        whose = "" if one.audience == audience else f" by {one.audience}"
        about = f"- {one.alert_id}: unanswered{whose}{since}. {_do(one.finding)}"
        lines.append(_one_line(about, LONGEST_SENTENCE))
    if len(alerts) > len(lines):
        lines.append(f"... and {len(alerts) - len(lines)} more")
    months = sorted({one.month for one in alerts})
    due = " ".join(_due(month, deadline(parse_month(month[:7]), settings), day) for month in months)
    wait = "waits" if len(alerts) == 1 else "wait"
    first = f"{_count(alerts, 'critical alert')} {wait} for an answer. {due}"
    answer = f"Answer: {_answer(alerts[0].alert_id)}"
    named = _names([one.finding for one in alerts])
    subject = _one_line(
        f"[credit reporting: {audience}] reminder, unanswered: {named}", LONGEST_SUBJECT
    )
    text = "\n\n".join([first, "\n".join(lines), answer]) + "\n"
    payload = {
        "month": months[0],
        "as_of": day.isoformat(),
        "outcome": "reminded",
        "audience": audience,
        "subject": subject,
        "text": text,
        "checks": [
            {"id": one.finding, "severity": one.severity, "owner": one.audience} for one in alerts
        ],
        "resolved": [],
    }
    return Message(audience, "reminded", subject, text, payload)


def _due(month: str, due_on: date, day: date) -> str:
    days = (due_on - day).days
    when = f"in {_count(range(days), 'day')}" if days > 0 else "today"
    if days < 0:
        return f"{month} was due at the bureau on {due_on}, {_count(range(-days), 'day')} ago."
    return f"{month} is due at the bureau on {due_on}, {when}."


def _answer(alert_id: str) -> str:
    return f"reporting ack {alert_id} --by NAME"


def compose_test(audiences: Sequence[str]) -> Message:
    """A message that requires no action: it shows that a destination delivers."""
    whose = ", ".join(audiences)
    subject = f"[credit reporting: {whose}] test message"
    text = f"A test of this alert destination of {whose}: nothing needs to be done.\n"
    payload = {"outcome": "test", "audience": whose, "subject": subject, "text": text}
    return Message(whose, "test", subject, text, payload)


def _first_line(
    alert: Alert, checks: list[CheckResult], fault: Fault | None, resolved: Sequence[str]
) -> str:
    """What happened, which files are in place, when the month is due, what to do first."""
    due = "is" if alert.as_of.date() <= alert.due_on else "was"
    due = f"{alert.month} {due} due at the bureau by {alert.due_on}."
    due = "" if alert.outcome == "answered" else due
    if not checks and not fault:
        state = {
            "stopped": f"The month is still stopped by another fault. {_joined(alert.files, due)}",
            "watched": "Nothing more needs to be done.",
            "answered": "Nothing more needs to be done.",
            "released": "The month is released.",
        }.get(alert.outcome, "The month was built and its files were written.")
        return f"Resolved: {_count(resolved, 'fault')} reported to you earlier. {state}"
    do = fault.line if fault else _do(checks[0].check_id)
    first = f"First: {_one_line(do, LONGEST_SENTENCE)}"
    return _joined(_happened(alert, checks, fault), due, first)


def _happened(alert: Alert, checks: list[CheckResult], fault: Fault | None) -> str:
    if alert.outcome == "watched":
        what = "it stopped on an error" if fault else f"{_named(checks)} failed"
        return f"Daily watch of {alert.as_of:%Y-%m-%d}: {what}; the watch builds no month."
    if alert.outcome == "answered" and fault:
        return "The bureau's answers were not read."
    if alert.outcome == "answered":
        return f"The bureau's answers need {_count(checks, 'act')} of yours ({_named(checks)})."
    if alert.outcome == "stopped":
        critical = [check for check in checks if check.severity == "critical"]
        at = f"at {_count(critical, 'critical check')} ({_named(critical)})"
        where = "on an error" if fault else at
        return _joined(f"Credit report {alert.month} stopped {where}.", alert.files)
    return (
        f"Credit report {alert.month} was built with {_count(checks, 'warning')} "
        f"({_named(checks)}); its files are in place: review the warnings before you send them."
    )


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _do(check_id: str) -> str:
    try:
        return guide.entry(check_id).do
    except BadCall:  # an error, and no check
        return "the message sent first says what stopped it."


def _headline(checks: list[CheckResult], fault: Fault | None) -> str:
    if fault:
        return fault.line
    critical = [check for check in checks if check.severity == "critical"]
    named, kind = (critical, "critical check") if critical else (checks, "warning")
    return f"{_count(named, kind)}: {_named(named)}"


def _named(checks: Sequence[CheckResult]) -> str:
    return _names([check.check_id for check in checks]) if checks else ""


def _names(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


def _checks(alert: Alert, checks: list[CheckResult]) -> str:
    """The failed checks, critical ones first, as many as fit into a chat message."""
    blocks: list[str] = []
    tables: set[str] = set()  # what a table endangers is said once
    for check in checks[:MOST_CHECKS]:
        block = _block(alert, check, with_harm=check.table_name not in tables)
        tables.add(check.table_name)
        if blocks and sum(map(len, blocks)) + len(block) > LONGEST_LIST:
            break
        blocks.append(block)
    if len(checks) > len(blocks):
        blocks.append(f"... and {len(checks) - len(blocks)} more")
    return "\n".join(blocks)


def _block(alert: Alert, check: CheckResult, with_harm: bool) -> str:
    counts = (
        f"{check.rows_failing:,} of {check.rows_checked:,} rows. " if check.rows_checked else ""
    )
    about = f"- {check.check_id} ({check.severity}, {check.table_name}): {counts}"
    lines = [_one_line(about + check.description, LONGEST_SENTENCE)]
    endangered = endangers(check) if with_harm else ""
    if endangered:
        lines.append(f"  {_one_line(f'Endangers: {endangered}', LONGEST_SENTENCE)}")
    if check.example_keys:
        keys = ", ".join(check.example_keys[:MOST_EXAMPLES])
        lines.append(f"  such as {_one_line(keys, LONGEST_NOTE)}")
    if check.waiver_note:
        lines.append(f"  {_one_line(check.waiver_note, LONGEST_NOTE)}")
    lines.append(f"  {_entry_of(alert, check)}")
    return "\n".join(lines)


def _resolved(alert: Alert, resolved: Sequence[str]) -> str:
    if not resolved:
        return ""
    notes = {result.check_id: result.waiver_note for result in alert.results}
    lines = [
        _one_line(f"- {one}: {notes.get(one) or _ended(one)}", LONGEST_NOTE)
        for one in resolved[: MOST_CHECKS // 2]
    ]
    if len(resolved) > len(lines):
        lines.append(f"... and {len(resolved) - len(lines)} more")
    return "\n".join(["Resolved:", *lines])


def _ended(alerted_id: str) -> str:
    return "nothing waits any more" if alerted_id.startswith(FEEDBACK) else "no longer fails"


def _last_lines(alert: Alert, audience: str, checks: list[CheckResult], fault: Fault | None) -> str:
    lines = [f"Owner: {audience}. As known at {alert.as_of.isoformat()}."]
    if alert.page and alert.results:
        lines.append(f"Page: {alert.page}")
    if alert.outcome == "watched":
        anchor = "the-daily-watch"
    elif alert.outcome == "answered":
        anchor = "an-answer-is-missing" if fault else "a-record-was-rejected"
    elif alert.outcome == "stopped":
        anchor = "a-month-stopped-without-a-check" if fault else "a-check-stopped-the-month"
    else:
        anchor = "a-month-warned"
    critical = [one.check_id for one in checks if one.severity == "critical"]
    if unanswered := [*([fault.id] if fault else []), *critical]:
        answer = _answer(id_of(alert.month, unanswered[0]))
        lines.append(f"Answer it, else it is repeated daily: {answer}")
    if checks or fault:
        lines.append(f"What to do: {_document(alert, RUNBOOK)}#{anchor}")
    return "\n".join(lines)


def _as_object(alert: Alert, check: CheckResult) -> dict[str, Any]:
    return {
        "id": check.check_id,
        "severity": check.severity,
        "table": check.table_name,
        "failing": check.rows_failing,
        "checked": check.rows_checked,
        "examples": list(check.example_keys[:MOST_EXAMPLES]),
        "owner": check.owner,
        "page": alert.page,
        "runbook": _entry_of(alert, check),
        "endangers": endangers(check),
    }


def _entry_of(alert: Alert, check: CheckResult) -> str:
    return _document(alert, guide.link(check.check_id))


def _document(alert: Alert, path: str) -> str:
    return alert.docs + path.removeprefix("docs")


def _one_line(text: str, longest: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 3] + "..."
