"""What the DAG of the bureau's answers runs (life cycle, section 9)."""

import logging

from reporting.alerts.alert import ANSWERS_UNREAD, Alert
from reporting.alerts.send import send_alert
from reporting.core.errors import DataNotFit
from reporting.core.run import month_before, parse_month
from reporting.core.settings import Settings, load_settings
from reporting.pipeline.airflow import alert_unattended
from reporting.pipeline.guard import guarded
from reporting.store import run_marks
from reporting.store.run_marks import now
from reporting.store.submission_ledger import acting
from reporting.submission import feedback, keys

ANSWERS_DAG, TASK = "bureau_feedback", "read"

log = logging.getLogger(__name__)


def read_answers() -> str:
    """Fetch and read the bureau's new answers; returns what they said, which Airflow shows.

    Without GnuPG or a bureau's key nothing can have been released. Raises DataNotFit where a file
    is no answer; the others are read all the same.
    """
    return guarded(_read_answers)


def _read_answers() -> str:
    settings = load_settings()
    if words := keys.missing(settings):
        log.info("no answer is expected: %s", words)
        _resolve(settings)
        return "no answer is expected"
    with acting("airflow:scheduler"), alert_unattended(ANSWERS_DAG, TASK, run_marks.WATCH):
        read = feedback.read_answers([], settings, now)
    _resolve(settings)
    for one in read.outcomes:
        log.info("%s: %s", one.name, one.words)
    if read.faults:  # alerted where they were set aside
        run_marks.settle(settings, run_marks.WATCH, TASK)
        raise DataNotFit("; ".join(read.faults))
    rejected = sum(one.rejected for one in read.outcomes)
    return f"{len(read.outcomes)} answers read, {rejected:,} records rejected"


def _resolve(settings: Settings) -> None:
    """Say that answers can be read again, where an alert said that they cannot."""
    month = parse_month(month_before(now()))
    send_alert(Alert.answered(now(), month, settings, [], {ANSWERS_UNREAD}), settings)
