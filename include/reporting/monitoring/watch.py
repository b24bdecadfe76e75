"""The daily watch: is the month that will be reported being delivered, and is the last one out?

It looks at the landing zone without building anything (``reporting.monitoring.feed_metrics``) and
at the bureau's deadline, and tells whom it concerns while there is still time to put things right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rich.console import Group
from rich.table import Table
from rich.text import Text

from reporting.alerts.message import DEADLINE, WATCH, WATCH_ITSELF, Alert, Fault
from reporting.alerts.send import send_alert
from reporting.core import safe_text
from reporting.core.errors import DataNotFit
from reporting.core.run import deadline, next_month, previous_month
from reporting.core.settings import Settings
from reporting.monitoring import configuration
from reporting.monitoring.feed_metrics import FIGURES, measure, thresholds
from reporting.store import run_marks
from reporting.store.publish import built_months

# One question, two who must answer: the id names what each of them has to see to.
DEADLINES = {f"{DEADLINE}submitted": "compliance", f"{DEADLINE}built": "pipeline"}
RUN_ENDED = f"{WATCH}run_ended"
RUN_MEANING = "Every run of a month that began has ended well, or its error was sent."
BUILT_MONTHS = "marts.built_months"
DEADLINE_MEANING = "Every month that ended is built before its deadline (REPORTING_DEADLINE_DAY)."


@dataclass(frozen=True)
class WatchResult:
    """One question of the watch and its answer, as an alert reads a check's result."""

    check_id: str
    table_name: str
    severity: str
    owner: str
    description: str
    limits: str
    now: str
    passed: bool
    value: str = ""
    rows_failing: int = 0
    rows_checked: int = 0
    example_keys: tuple[str, ...] = ()
    waiver_note: str = ""
    new_rows_only: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it failed; nobody can waive it."""
        return not self.passed


def watch(day: date, settings: Settings) -> list[WatchResult]:
    """Look as on a day and tell each audience what it has to do, or what is over.

    An error of the watch itself goes to ``pipeline`` before it is raised: nobody else is looking.
    """
    try:
        configuration.require_fit(settings)
        month = month_to_report(day, settings)
        results = [*_feeds(day, settings), *_deadlines(day, month, settings), _runs(settings)]
    except Exception as error:
        fault = Fault(WATCH_ITSELF, safe_text.of_error(error), "pipeline")
        month = previous_month(day)
        _send(Alert.watched(day, month, settings, [], fault), settings)
        raise
    _send(Alert.watched(day, month, settings, results), settings)
    return results


def _send(alert: Alert, settings: Settings) -> None:
    """Send what was found; whoever runs the watch need not send it a second time."""
    delivered = send_alert(alert, settings)
    if alert.audiences and all(delivered.values()):
        run_marks.settle(settings, run_marks.WATCH, WATCH_ITSELF)


def month_to_report(day: date, settings: Settings) -> date:
    """The month after the last that is built; where none is, the one that ended last."""
    built = [one.month for one in built_months(settings)]
    return next_month(max(built)) if built else previous_month(day)


def require_fit(results: list[WatchResult]) -> None:
    """DataNotFit with one line that names every feed's critical question that failed.

    A deadline that has passed, or a run that was killed, is no fault of the landing zone.
    """
    failed = [one for one in results if one.is_open and one.severity == "critical"]
    named = [f"{one.check_id} ({one.now})" for one in failed if one.table_name.startswith("raw.")]
    if named:
        raise DataNotFit(f"the daily watch found a broken feed: {'; '.join(named)}")


def overview(results: list[WatchResult]) -> Group:
    """Every feed's figures, and what each failed one expects."""
    table = Table("feed", *FIGURES, box=None)
    cells = {one.check_id: _cell(one) for one in results}
    for feed in dict.fromkeys(one.feed for one in thresholds()):
        table.add_row(feed, *(cells.get(f"{WATCH}{feed}.{figure}", "-") for figure in FIGURES))
    failed = [one for one in results if one.is_open]
    if not failed:
        return Group(table, Text("\nAll is well."))
    told = Table("failed", "severity", "owner", "now", "expected", box=None)
    told.columns[0].no_wrap = True  # an id is to be copied
    for one in sorted(failed, key=lambda one: one.severity):
        about = (one.check_id, one.severity, one.owner, one.now, one.limits)
        told.add_row(*map(Text, about))
    return Group(table, Text(), told)


def _cell(result: WatchResult) -> Text:
    return Text(result.value, style="" if result.passed else "red")


def _feeds(day: date, settings: Settings) -> Iterator[WatchResult]:
    figures = measure(day, settings)
    for asked in thresholds():
        figure = figures.get((asked.feed, asked.figure))
        if figure is None:
            continue  # too few rows to judge by, or the feed is broken, which is told
        passed = asked.allows(figure.value)
        yield WatchResult(
            check_id=asked.check_id,
            table_name=f"raw.{asked.feed}",
            severity=asked.severity,
            owner=asked.owner,
            description=f"{asked.meaning} Now: {figure.words}.",
            limits=asked.limits,
            now=figure.words,
            value=f"{figure.value:g}",
            passed=passed,
            rows_failing=figure.failing or int(not passed),
            rows_checked=figure.checked,
            example_keys=figure.examples,
        )


def _deadlines(day: date, month: date, settings: Settings) -> Iterator[WatchResult]:
    """Which months that ended are not built, although their deadline is near or over."""
    near = []
    while month <= previous_month(day):
        due_on = deadline(month, settings)
        if day >= due_on - timedelta(days=settings.deadline_warning_days):
            near.append((month, due_on))
        month = next_month(month)
    late = [one for one, due_on in near if day > due_on]
    words = ", ".join(
        f"{one:%Y-%m} {'is late, it was' if day > due_on else 'is not built,'} due on {due_on}"
        for one, due_on in near
    )
    for check_id, owner in DEADLINES.items():
        yield WatchResult(
            check_id=check_id,
            table_name=BUILT_MONTHS,
            severity="critical" if late else "warning",
            owner=owner,
            description=f"{DEADLINE_MEANING} Now: {words or 'nothing is due'}.",
            limits="nothing due",
            now=words or "nothing due",
            passed=not near,
            rows_failing=len(near),
        )


def _runs(settings: Settings) -> WatchResult:
    """Whether a run began and was killed, so that it could not say so itself."""
    marks = run_marks.unended(settings)
    words = "; ".join(
        f"run of {mark.month} began at {mark.began_at:%Y-%m-%dT%H:%M:%S} and did not end "
        f"({'after' if mark.state == run_marks.BETWEEN else 'in'} step {mark.step})"
        for mark in marks
    )
    return WatchResult(
        check_id=RUN_ENDED,
        table_name=BUILT_MONTHS,
        severity="critical",
        owner="pipeline",
        description=f"{RUN_MEANING} Now: {words or 'no run is open'}.",
        limits="no run is open",
        now=words or "no run is open",
        passed=not marks,
        rows_failing=len(marks),
    )
