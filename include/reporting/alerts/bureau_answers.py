"""Alerts about what the bureau rejected or refused, at the moment when it is known.

They follow from what is there: the repair queue of the published database, and the answers that
were set aside. So a command that was killed before its alerts leaves them to the next one (life
cycle, sections 9 and 10). A message never holds a value of a record.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from reporting.alerts import open_alerts
from reporting.alerts.alert import FEEDBACK, Alert
from reporting.alerts.send import may_have_destinations, send_alert
from reporting.checks.results import CheckResult
from reporting.core.database import filled
from reporting.core.settings import Settings
from reporting.store.published_database import months_shown, open_published
from reporting.store.submission_ledger import published_head

REJECTED, REFUSED, SET_ASIDE = (f"{FEEDBACK}{one}" for one in ("rejected", "refused", "set_aside"))
MEANINGS = {
    REJECTED: "The bureau takes every record; who acts on a code says feedback_codes.csv.",
    REFUSED: "The bureau refuses no file whole.",
    SET_ASIDE: "Every file in the inbox is the bureau's one answer to a file that was released.",
}
MOST_EXAMPLES = 3

# Of the rejected records in the repair queue: file, code and owner, with their numbers.
WAITING = """
    select
        rejected.file_name,
        queue.feedback_code,
        queue.owner,
        any_value(queue.sentence),
        any_value(queue.what_to_do),
        min(queue.due_on),
        count(*),
        list(queue.record_id order by queue.record_id)[:$most],
        any_value(files.records),
        bool_or(files.state = 'REFUSED')
    from marts.repair_queue as queue
    inner join submission.rejected_records as rejected on queue.record_id = rejected.record_id
        and queue.report_month = rejected.report_month
    inner join submission.file_states as files on rejected.file_name = files.file_name
        and rejected.reporter_code = files.reporter_code
    where queue.cause = 'REJECTED'
    group by all order by all
"""

# The newest batch that may change what waits: a decision about a month does not.
NEWEST = """
    select coalesce(max(batch), 0) from marts.submission_events
    where event not in ('APPROVED', 'DECLINED')
"""


def alert_answers(
    settings: Settings, set_aside: Path, at: datetime, reasons: Mapping[str, str]
) -> None:
    """Send each owner what is rejected, refused or set aside and was not alerted yet, once.

    Alerts of records that are sent again are resolved. ``set_aside`` is the folder of the answers
    that count for nothing; ``reasons`` says why, by name, where that is known. Never raises for a
    destination. Does nothing while builds, releases, answers and that folder are as they were at
    the last call, if that was with or without destinations as this one is.
    """
    if published_head(settings) is None:
        return
    aside = sorted(path.name for path in set_aside.glob("*"))
    with open_published(settings) as connection:
        ((newest,),) = connection.execute(NEWEST).fetchall()
        seen = [str(newest), *(["no destination"] if not may_have_destinations() else []), *aside]
        if seen == open_alerts.answers_seen(settings):
            return
        waiting = [*_rejected(connection, at), *_set_aside(aside, reasons, at)]
        built = months_shown(connection)
    newest_month = built[-1].month if built else at.date().replace(day=1)
    known = open_alerts.recall(settings).ids(FEEDBACK)
    done = {one for _, one in known} - {one.check_id for one in waiting}
    new = [one for one in waiting if (one.owner, one.check_id) not in known]
    delivered = send_alert(Alert.answered(at, newest_month, settings, new, done), settings)
    if all(delivered.values()):
        open_alerts.keep_answers_seen(settings, seen)


def _rejected(connection: duckdb.DuckDBPyConnection, at: datetime) -> Iterator[CheckResult]:
    if not connection.execute(
        "select 1 from marts.submission_events where event in ('REJECTED', 'REFUSED') limit 1"
    ).fetchall():
        return
    rows = connection.execute(filled(WAITING, most=MOST_EXAMPLES)).fetchall()
    for file, code, owner, sentence, to_do, due_on, count, examples, records, is_refused in rows:
        kind = REFUSED if is_refused else REJECTED
        yield CheckResult(
            check_id=f"{kind}/{code}/{Path(file).stem}",
            layer="answers",
            table_name="marts.repair_queue",
            severity="warning",
            description=f"{sentence}; {to_do}; due on {due_on}.",
            rows_checked=records,
            rows_failing=count,
            passed=False,
            owner=owner,
            example_keys=() if is_refused else tuple(examples),
            evaluated_at=at,
        )


def _set_aside(names: list[str], reasons: Mapping[str, str], at: datetime) -> Iterator[CheckResult]:
    for name in names:
        why = reasons.get(name, f"`reporting feedback inbox/refused/{name}` says why")
        yield CheckResult(
            check_id=f"{SET_ASIDE}/{Path(name).stem}",
            layer="answers",
            table_name="inbox",
            severity="critical",
            description=f"A file counts for nothing: {why}.",
            rows_checked=0,
            rows_failing=1,
            passed=False,
            owner="pipeline",
            evaluated_at=at,
        )
