"""A stopped or a warned month reaches a person: one grouped message to every destination.

Destinations are two Airflow connections, an SMTP server and an Apprise service (e-mail, chat or
webhook); the runbook (docs/runbook.md, "Alerts") shows how to configure them. A message holds ids,
counts and fixed sentences, never a value of a row.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from reporting.run import Run
from reporting.settings import Settings

SMTP_CONNECTION = "reporting_alerts_smtp"
APPRISE_CONNECTION = "reporting_alerts_apprise"
RUNBOOK = "docs/runbook.md"
MOST_CHECKS = 10  # of each group; the check page lists all of them
LONGEST_SUBJECT = 120  # characters; most mail programs cut the rest off
LONGEST_SENTENCE = 500  # characters; chat services refuse a message of more than 2,000 to 5,000

log = logging.getLogger(__name__)


class CheckResult(Protocol):
    """What an alert reads of a check's result (``reporting.quality`` makes them)."""

    @property
    def check_id(self) -> str:
        """Stable id of the check."""

    @property
    def layer(self) -> str:
        """``landing``, ``marts`` or ``records``."""

    @property
    def table_name(self) -> str:
        """The table that was checked."""

    @property
    def severity(self) -> str:
        """``critical``, ``warning`` or ``info``."""

    @property
    def description(self) -> str:
        """The check as a sentence."""

    @property
    def rows_checked(self) -> int:
        """Number of rows that were asked."""

    @property
    def rows_failing(self) -> int:
        """Number of rows that answered otherwise."""

    @property
    def is_open(self) -> bool:
        """Whether it failed and nobody has waived it."""

    @property
    def owner(self) -> str:
        """Whom the check is told to."""

    @property
    def example_keys(self) -> Sequence[str]:
        """Pseudonymous keys of rows that failed, at most three."""

    @property
    def waiver_note(self) -> str:
        """Why a waiver of this check no longer holds; empty where there is none."""


@dataclass(frozen=True)
class Alert:
    """What became of a month: ``reason`` is the error's one line, empty for a month that warned."""

    month: str
    as_of: datetime
    outcome: Literal["stopped", "warned"]
    reason: str
    results: Sequence[CheckResult]
    page: Path

    @classmethod
    def stopped(
        cls, run: Run, reason: str, results: Sequence[CheckResult], settings: Settings
    ) -> "Alert":
        """A month that ended with an error; ``results`` are those of every layer checked so far."""
        return cls(run.label, run.as_of, "stopped", reason, results, _page(run, settings))

    @classmethod
    def warned(cls, run: Run, results: Sequence[CheckResult], settings: Settings) -> "Alert":
        """A month that was built and written although some checks warned."""
        return cls(run.label, run.as_of, "warned", "", results, _page(run, settings))

    def failed(self, severity: str) -> list[CheckResult]:
        """The failed checks of one severity; those of severity ``info`` stay on the page."""
        return [r for r in self.results if r.is_open and r.severity == severity]


@dataclass(frozen=True)
class Message:
    """An alert in words: a subject of one line and a plain text."""

    subject: str
    text: str
    is_stop: bool


def send(alert: Alert) -> list[str]:
    """Send one message to each configured destination; return those that delivered it.

    Never raises for a destination: what failed is one warning line in the log, because the month's
    own error must be the one that is seen. Each step of a delivery waits 10 seconds at most, unless
    the connection says otherwise.
    """
    destinations = _destinations()
    if not destinations:
        log.info("no alert destination configured (%s#alerts)", RUNBOOK)
    message = compose(alert)
    return [name for name, deliver in destinations.items() if deliver(message)]


def compose(alert: Alert) -> Message:
    """Put an alert into words."""
    critical, warnings = alert.failed("critical"), alert.failed("warning")
    paragraphs = [
        f"Credit reporting of {alert.month}, as known at {alert.as_of.isoformat()}: "
        f"the month {alert.outcome}.",
        _one_line(alert.reason, LONGEST_SENTENCE),
        _group("Critical checks that failed", critical),
        _group("Warnings", warnings),
        _what_now(alert, bool(critical)),
    ]
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    subject = f"[credit reporting] {alert.month} {alert.outcome}: {_headline(alert)}"
    return Message(_one_line(subject, LONGEST_SUBJECT), text, alert.outcome == "stopped")


def _destinations() -> dict[str, Callable[[Message], bool]]:
    """The configured destinations by connection id, without importing Airflow in vain (3 s).

    Inside a task Airflow is there and knows the connections. Outside they can only come from
    Airflow's own environment variables.
    """
    names = (SMTP_CONNECTION, APPRISE_CONNECTION)
    if "airflow.sdk" not in sys.modules and not any(map(variable_of, names)):
        return {}
    from reporting import alert_destinations

    return alert_destinations.configured()


def variable_of(connection: str) -> str | None:
    """The environment variable that defines a connection, or None if it is not set."""
    name = f"AIRFLOW_CONN_{connection.upper()}"
    return name if os.environ.get(name) else None


def _headline(alert: Alert) -> str:
    critical, warnings = alert.failed("critical"), alert.failed("warning")
    if alert.outcome == "stopped" and not critical:
        return alert.reason
    named = critical if alert.outcome == "stopped" else warnings
    layers = ", ".join(dict.fromkeys(result.layer for result in named))
    kind = "critical" if alert.outcome == "stopped" else "warning"
    return f"{len(named)} {kind} {'check' if len(named) == 1 else 'checks'} failed ({layers})"


def _group(title: str, results: list[CheckResult]) -> str:
    if not results:
        return ""
    lines = [f"{title}: {len(results)}", *map(_line, results[:MOST_CHECKS])]
    if len(results) > MOST_CHECKS:
        lines.append(f"... and {len(results) - MOST_CHECKS} more")
    return "\n".join(lines)


def _line(result: CheckResult) -> str:
    counts = f"{result.rows_failing:,} of {result.rows_checked:,} rows"
    return _one_line(
        f"- {result.check_id} ({result.severity}, {result.table_name}): {counts}. "
        + result.description,
        LONGEST_SENTENCE,
    )


def _what_now(alert: Alert, is_critical: bool) -> str:
    if alert.outcome == "warned":
        done, anchor = "Done: the month was built and its files were written.", "a-month-warned"
    else:
        done = "Not done: no file was written; this run submits nothing."
        anchor = "a-check-stopped-the-month" if is_critical else "a-month-stopped-without-a-check"
    page = [f"Check page: {alert.page}"] if alert.results else []
    return "\n".join([done, *page, f"What to do: {RUNBOOK}#{anchor}"])


def _one_line(text: str, longest: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 3] + "..."


def _page(run: Run, settings: Settings) -> Path:
    return settings.check_pages / run.label / "index.html"
