"""The daily watch: are the feeds of the next month delivered, and is the last month built in time?

It inspects the landing zone without building anything (``reporting.monitoring.feed_metrics``) and
the bureau's deadline, and alerts the owners while there is still time to correct a fault.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from rich.console import Group
from rich.table import Table
from rich.text import Text

from reporting.alerts import reminders
from reporting.alerts.alert import DEADLINE, SUBMITTED, WATCH, WATCH_ITSELF, Alert, Fault
from reporting.alerts.open_alerts import recall
from reporting.alerts.send import send_alert
from reporting.core import safe_text
from reporting.core.errors import DataNotFit
from reporting.core.run import deadline, next_month, parse_month, previous_month
from reporting.core.settings import Settings
from reporting.monitoring import configuration
from reporting.monitoring.feed_metrics import FIGURES, measure, thresholds
from reporting.monitoring.submission_watch import submission_results
from reporting.monitoring.watch_result import LAYER, WatchResult
from reporting.store import month_state, run_marks
from reporting.store.published import built_months
from reporting.store.submission_ledger import broken_batches

# One check, two owners: each has an id that names what it is responsible for.
RUN_ENDED = f"{WATCH}run_ended"
RUN_MEANING = "Every run of a month that began has finished, or an alert of its error was sent."
BUILT_MONTHS = "marts.built_months"
DEADLINES = {  # owner and meaning of each
    SUBMITTED: (
        "compliance",
        "Every past month is built, and delivered where a key of the bureau is named, before its "
        "deadline (REPORTING_DEADLINE_DAY).",
    ),
    f"{DEADLINE}built": (
        "pipeline",
        "Every past month is built before its deadline (REPORTING_DEADLINE_DAY).",
    ),
}


def watch(day: date, settings: Settings) -> list[WatchResult]:
    """Evaluate the watch as of a day and alert each audience, also about what is resolved.

    An error of the watch itself is sent to ``pipeline`` before it is raised, since the watch runs
    unattended.
    """
    try:
        configuration.require_fit(settings)
        month = month_to_report(day, settings)
        results = [
            *_feeds(day, settings),
            *_deadlines(day, month, settings),
            *_runs(day, settings),
            *submission_results(day, settings),
        ]
    except Exception as error:
        fault = Fault(WATCH_ITSELF, safe_text.of_error(error), "pipeline")
        month = previous_month(day)
        _send(Alert.watched(day, month, settings, [], fault), settings)
        raise
    else:
        _send(Alert.watched(day, month, settings, results), settings)
        return results
    finally:  # a broken watch keeps no other alert silent
        reminders.remind(day, settings)


def _send(alert: Alert, settings: Settings) -> None:
    """Send the alert and mark it as sent, so that Airflow's callback does not send it again."""
    delivered = send_alert(alert, settings)
    if alert.audiences and all(delivered.values()):
        run_marks.settle(settings, run_marks.WATCH, WATCH_ITSELF)


def month_to_report(day: date, settings: Settings) -> date:
    """The month after the last built one; if none is built, the last full month.

    Then months whose deadline was alerted before are not given up: the earliest of them counts.
    """
    built = [one.month for one in built_months(settings)]
    if built:
        return next_month(max(built))
    missed = [month for month, _, one in recall(settings).open() if one.startswith(DEADLINE)]
    return min(parse_month(min(missed)[:7]) if missed else previous_month(day), previous_month(day))


def require_fit(results: list[WatchResult]) -> None:
    """Raise DataNotFit with one line that names every failed critical check of a feed.

    A missed deadline or a killed run does not count: it is not a fault of the landing zone.
    """
    failed = [one for one in results if one.is_open and one.severity == "critical"]
    named = [f"{one.check_id} ({one.now})" for one in failed if one.table_name.startswith("raw.")]
    if named:
        raise DataNotFit(f"the daily watch found a broken feed: {'; '.join(named)}")


def overview(results: list[WatchResult]) -> Group:
    """A table of every feed's figures, and one of the failed checks with their limits."""
    table = Table("feed", *FIGURES, box=None)
    cells = {one.check_id: _cell(one) for one in results}
    for feed in dict.fromkeys(one.feed for one in thresholds()):
        table.add_row(feed, *(cells.get(f"{WATCH}{feed}.{figure}", "-") for figure in FIGURES))
    failed = [one for one in results if one.is_open]
    if not failed:
        return Group(table, Text("\nAll checks passed."))
    failures = Table("failed", "severity", "owner", "now", "expected", box=None)
    failures.columns[0].no_wrap = True  # so that the id can be copied
    for one in sorted(failed, key=lambda one: one.severity):
        about = (one.check_id, one.severity, one.owner, one.now, one.limits)
        failures.add_row(*map(Text, about))
    return Group(table, Text(), failures)


def _cell(result: WatchResult) -> Text:
    return Text(result.value, style="" if result.passed else "red")


def _feeds(day: date, settings: Settings) -> Iterator[WatchResult]:
    figures = measure(day, settings)
    for threshold in thresholds():
        figure = figures.get((threshold.feed, threshold.figure))
        if figure is None:
            continue  # too few rows, or the feed is broken, which ``structure`` reports
        passed = threshold.allows(figure.value)
        yield WatchResult(
            check_id=threshold.check_id,
            layer=LAYER,
            table_name=f"raw.{threshold.feed}",
            severity=threshold.severity,
            owner=threshold.owner,
            description=f"{threshold.meaning} Now: {figure.words}.",
            limits=threshold.limits,
            now=figure.words,
            value=f"{figure.value:g}",
            passed=passed,
            rows_failing=figure.failing or int(not passed),
            rows_checked=figure.checked,
            example_keys=figure.examples,
            evaluated_at=datetime.combine(day, time()),
        )


def _deadlines(day: date, month: date, settings: Settings) -> Iterator[WatchResult]:
    """Past months that are not built, or delivered, although their deadline is near or has passed.

    ``month`` is the first one that is not built.
    """
    missing = {}
    while month <= previous_month(day):
        missing[month] = "built"
        month = next_month(month)
    undelivered = _undelivered(settings)
    for check_id, (owner, meaning) in DEADLINES.items():
        lacking = missing
        if check_id == SUBMITTED and undelivered is None:
            continue  # else an alert would be resolved by a ledger that is lost
        if check_id == SUBMITTED:
            lacking = missing | dict.fromkeys(undelivered or (), "delivered")
        near = [
            (one, due_on)
            for one in sorted(lacking)
            if day
            >= (due_on := deadline(one, settings)) - timedelta(settings.deadline_warning_days)
        ]
        late = [one for one, due_on in near if day > due_on]
        words = ", ".join(
            f"{one:%Y-%m} "
            f"{'is late, it was' if day > due_on else f'is not {lacking[one]},'} due on {due_on}"
            for one, due_on in near
        )
        yield WatchResult(
            check_id=check_id,
            layer=LAYER,
            table_name=BUILT_MONTHS,
            severity="critical" if late else "warning",
            owner=owner,
            description=f"{meaning} Now: {words or 'nothing is due'}.",
            limits="nothing due",
            now=words or "nothing due",
            passed=not near,
            rows_checked=0,
            rows_failing=len(near),
            evaluated_at=datetime.combine(day, time()),
        )


def _undelivered(settings: Settings) -> list[date] | None:
    """The months that are built and not delivered whole; none without a bureau's key.

    None where the ledger is damaged, so that this is not known.
    """
    if not settings.bureau_key:
        return []
    labels = None if broken_batches(settings) else month_state.unreleased(settings)
    return None if labels is None else [parse_month(one) for one in labels if "@" not in one]


def _runs(day: date, settings: Settings) -> Iterator[WatchResult]:
    """Whether a run began and was killed, so that it could not send an alert itself.

    No result while that is not known, so that nothing is found or resolved by it.
    """
    marks = run_marks.unended(settings)
    if marks is None:
        return
    words = "; ".join(
        f"run of {mark.month} began at {mark.began_at:%Y-%m-%dT%H:%M:%S} and did not end "
        f"({'after' if mark.state == run_marks.BETWEEN else 'in'} step {mark.step})"
        for mark in marks
    )
    yield WatchResult(
        check_id=RUN_ENDED,
        layer=LAYER,
        table_name=BUILT_MONTHS,
        severity="critical",
        owner="pipeline",
        description=f"{RUN_MEANING} Now: {words or 'no run is open'}.",
        limits="no run is open",
        now=words or "no run is open",
        passed=not marks,
        rows_checked=0,
        rows_failing=len(marks),
        evaluated_at=datetime.combine(day, time()),
    )
