"""The daily watch of what was built: is it released, delivered, answered, repaired, and provable?

Life cycle, sections 10 and 13.1. It reads the submission ledger and the published database alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb

from reporting.core.errors import BadCall
from reporting.core.run import deadline, previous_month
from reporting.core.settings import Settings
from reporting.monitoring.watch_result import LAYER, WatchResult
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import (
    batches,
    broken_batches,
    ledger_views,
    run_states,
)
from reporting.submission import keys, verify

EVENTS = "marts.submission_events"
RELEASE, DELIVERY, ANSWERS, REPAIRS, WHOLE, KEYS = (
    *("watch.release.due", "watch.delivery.waiting", "watch.answers.missing"),
    *("watch.repairs.due", "watch.ledger.whole", "watch.keys.expiry"),
)
MEANINGS = {
    RELEASE: "Every built month is released before its deadline (REPORTING_DEADLINE_DAY).",
    DELIVERY: "Every released file is delivered within a day.",
    ANSWERS: "The bureau answers every delivered file in time (REPORTING_ANSWER_DAYS).",
    REPAIRS: "Every rejected record is sent again in time (REPORTING_REPAIR_DAYS).",
    WHOLE: (
        "No batch of the submission ledger is missing or changed, nor what a release has frozen "
        "or archived in the last three months (on Mondays: ever)."
    ),
    KEYS: "No key that a setting names expires within 30 days.",
}
LONGEST_DELIVERY = 3  # days; from then on it is critical
REMIND = 3  # days before a repair is due
MONDAY = 0
KEY_ENDS = timedelta(days=30)  # before the end of a key: time to get a new one to the bureau


@dataclass(frozen=True)
class Finding:
    """How many things wait, since when, and whether that is critical."""

    count: int
    words: str
    is_critical: bool


def submission_results(day: date, settings: Settings) -> Iterator[WatchResult]:
    """The checks as of a day; of the ledger none where nothing was ever built.

    Without keys nothing can be released, and no release is watched for.
    """
    has_keys = not keys.missing(settings)
    if has_keys:
        yield _result(day, KEYS, _keys(day, settings))
    broken = broken_batches(settings)
    if not batches(settings) and not broken:
        return
    yield _result(day, WHOLE, _of_ledger(day, broken, settings))
    if broken:
        return  # what a damaged ledger says is not known
    if has_keys:
        yield _result(day, RELEASE, _releases(day, settings))
    with ledger_views(settings) as ledger:
        yield _result(day, DELIVERY, _delivery(day, ledger))
        yield _result(day, ANSWERS, _answers(day, ledger, settings))
    yield _result(day, REPAIRS, _repairs(day, settings))


def _of_ledger(day: date, broken: list[int], settings: Settings) -> Finding:
    """The batches, frozen tables and archived files of three months, on Mondays of all (13.1)."""
    if broken:
        words = f"batch {', '.join(map(str, broken))}"
        return Finding(len(broken), words, is_critical=True)
    three_before = previous_month(previous_month(previous_month(day)))
    lost = verify.lost_files(settings, None if day.weekday() == MONDAY else three_before)
    return Finding(len(lost), "; ".join(lost) or "whole", is_critical=True)


def _releases(day: date, settings: Settings) -> Finding:
    """The built months whose deadline is near or past and of which no own run is released."""
    own = [state for state in run_states(settings) if not state.run.is_supplement]
    released = {state.report_month for state in own if state.released_at is not None}
    warning = timedelta(settings.deadline_warning_days)
    near = [
        (month, due_on)
        for month in sorted({state.report_month for state in own} - released)
        if day >= (due_on := deadline(month, settings)) - warning
    ]
    words = ", ".join(f"{month:%Y-%m} is due on {due_on}" for month, due_on in near)
    return Finding(len(near), words or "no release is due", any(day > due for _, due in near))


def _delivery(day: date, ledger: duckdb.DuckDBPyConnection) -> Finding:
    count, since = ledger.execute(
        "select count(*), min(released_at)::date from submission.file_states "
        "where state = 'RELEASED' and released_at::date < ?",
        [day],
    ).fetchall()[0]
    words = f"{count} files wait since {since}" if count else "no file waits"
    return Finding(count, words, bool(count) and since <= day - timedelta(days=LONGEST_DELIVERY))


def _answers(day: date, ledger: duckdb.DuckDBPyConnection, settings: Settings) -> Finding:
    allowed = timedelta(days=settings.answer_days)
    count, since = ledger.execute(
        "select count(*), min(delivered_at)::date from submission.file_states "
        "where state = 'DELIVERED' and delivered_at::date < ?",
        [day - allowed],
    ).fetchall()[0]
    words = f"{count} files, delivered since {since}" if count else "no answer is missing"
    return Finding(count, words, bool(count) and since < day - 2 * allowed)


def _repairs(day: date, settings: Settings) -> Finding:
    count, since, due_on = 0, None, None
    if settings.published_database.is_file():
        with open_published(settings) as connection:
            count, since, due_on = connection.execute(
                "select count(distinct record_id), min(rejected_at)::date, min(due_on) "
                "from marts.repair_queue where cause = 'REJECTED' and due_on <= ?",
                [day + timedelta(days=REMIND)],
            ).fetchall()[0]
    words = f"{count} records, rejected since {since}" if count else "no repair is due"
    return Finding(count, words, due_on is not None and due_on < day)


def _keys(day: date, settings: Settings) -> Finding:
    """The keys that expire soon or have expired; keys that cannot be listed are one more fault."""
    try:
        named = keys.keys(settings)
    except BadCall as error:
        return Finding(1, str(error), is_critical=True)
    ending = sorted(
        (key.expires, key.setting, key.fingerprint)
        for key in named
        if key.expires is not None and key.expires - KEY_ENDS <= day
    )
    words = "; ".join(
        f"{setting} {fingerprint} {'expired' if expires <= day else 'expires'} on {expires}"
        for expires, setting, fingerprint in ending
    )
    expired = any(expires <= day for expires, _, _ in ending)
    return Finding(len(ending), words or "no key ends soon", expired)


def _result(day: date, check_id: str, found: Finding) -> WatchResult:
    return WatchResult(
        check_id=check_id,
        layer=LAYER,
        table_name=EVENTS,
        severity="critical" if found.is_critical else "warning",
        owner="pipeline",
        description=f"{MEANINGS[check_id]} Now: {found.words}.",
        limits="none",
        now=found.words,
        passed=not found.count,
        rows_checked=0,
        rows_failing=found.count,
        evaluated_at=datetime.combine(day, time()),
    )
