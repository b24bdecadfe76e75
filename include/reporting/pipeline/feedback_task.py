"""What the DAG of the bureau's answers runs (life cycle, section 9)."""

import logging

from reporting.core.errors import DataNotFit
from reporting.core.settings import load_settings
from reporting.pipeline.guard import guarded
from reporting.store.run_marks import now
from reporting.store.submission_ledger import acting
from reporting.submission import feedback, keys

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
        return "no answer is expected"
    with acting("airflow:scheduler"):
        read = feedback.read_answers([], settings, now)
    for one in read.outcomes:
        log.info("%s: %s", one.name, one.words)
    if read.faults:
        raise DataNotFit("; ".join(read.faults))
    rejected = sum(one.rejected for one in read.outcomes)
    return f"{len(read.outcomes)} answers read, {rejected:,} records rejected"
