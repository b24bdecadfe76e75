"""The daily watch of what was released: is it delivered, answered, repaired, and provable?

Life cycle, sections 10 and 13.1. It reads the submission ledger and the published database alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb

from reporting.core.settings import Settings
from reporting.monitoring.watch_result import LAYER, WatchResult
from reporting.store.submission_ledger import batches, broken_batches, ledger_views

EVENTS = "marts.submission_events"
DELIVERY, ANSWERS, REPAIRS, WHOLE = (
    *("watch.delivery.waiting", "watch.answers.missing"),
    *("watch.repairs.due", "watch.ledger.whole"),
)
MEANINGS = {
    DELIVERY: "Every released file is delivered within a day.",
    ANSWERS: "The bureau answers every delivered file in time (REPORTING_ANSWER_DAYS).",
    REPAIRS: "Every rejected record is sent again in time (REPORTING_REPAIR_DAYS).",
    WHOLE: "No batch of the submission ledger is missing or changed.",
}
LONGEST_DELIVERY = 3  # days; from then on it is critical
REMIND = 3  # days before a repair is due

# The records that are rejected and not sent again, with the day of the answer.
REJECTED = """
    select cast(rejections.rejected_at as date) as rejected_on
    from marts.submission_records as records
    inner join submission.rejections as rejections on records.record_id = rejections.record_id
    anti join (
        from marts.submission_records where state in ('BUILT', 'RELEASED', 'ACCEPTED')
    ) as again
        on records.record_type = again.record_type
        and records.reporter_code = again.reporter_code
        and records.subject_id = again.subject_id
        and records.report_date = again.report_date
    where records.state = 'REJECTED'
"""


@dataclass(frozen=True)
class Finding:
    """How many things wait, since when, and whether that is critical."""

    count: int
    words: str
    is_critical: bool


def submission_results(day: date, settings: Settings) -> Iterator[WatchResult]:
    """The four checks as of a day; none where nothing was ever released."""
    if not batches(settings):
        return
    broken = broken_batches(settings)
    yield _result(day, WHOLE, _of_batches(broken))
    if broken:
        return  # what a damaged ledger says is not known
    with ledger_views(settings) as ledger:
        yield _result(day, DELIVERY, _delivery(day, ledger))
        yield _result(day, ANSWERS, _answers(day, ledger, settings))
    yield _result(day, REPAIRS, _repairs(day, settings))


def _of_batches(broken: list[int]) -> Finding:
    words = f"batch {', '.join(map(str, broken))}" if broken else "whole"
    return Finding(len(broken), words, is_critical=True)


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
    last = day - timedelta(days=settings.repair_days)
    count, since = 0, None
    if settings.published_database.is_file():
        with duckdb.connect(str(settings.published_database), read_only=True) as connection:
            count, since = connection.execute(
                f"select count(*), min(rejected_on) from ({REJECTED}) where rejected_on <= ?",
                [last + timedelta(days=REMIND)],
            ).fetchall()[0]
    words = f"{count} records, rejected since {since}" if count else "no repair is due"
    return Finding(count, words, bool(count) and since is not None and since < last)


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
