"""What every writing command begins with: the lock, and the end of what a killed one left undone.

At its end it renews the pages of the months concerned and sends the alerts of what the bureau has
said; if it is killed before, the next command sends them.

A release is one folder until its batch is written, the commit; after it every step can be repeated
(life cycle, sections 4.4 and 8.3). No step removes a file only because the ledger does not know it.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reporting.alerts.bureau_answers import alert_answers
from reporting.core import atomic
from reporting.core.database import filled
from reporting.core.errors import ReportingError
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive, private_folder
from reporting.pages.front_page import front_page
from reporting.pages.renew import renew_after
from reporting.store.published import published_files
from reporting.store.published_database import build_database, is_outdated, open_published
from reporting.store.run_marks import now
from reporting.store.submission_ledger import (
    FOLDER_MODE,
    ledger_views,
    published_head,
    require_head,
)

PARTIAL = ".release-{}.partial"  # in the ledger: a release that is not finished
ARCHIVE, RUNS, OUTBOX = "archive", "runs", "outbox"  # its folders
SET_ASIDE = "refused"  # folder of the inbox: answers that count for nothing

# The built months whose pages show what batches after a number say: of a decision the month itself;
# of what is sent or answered all months from the earliest one on that its records are about.
SHOWN_IN = """
with concerned as (
    select distinct  -- an event of delivery or answer names its file alone
        coalesce(events.report_month, files.report_month) as report_month,
        coalesce(events.as_of, files.as_of) as as_of,
        events.event in ('APPROVED', 'DECLINED') as is_decision
    from marts.submission_events as events
    left join submission.file_states as files
        on events.reporter_code = files.reporter_code
        and events.file_name = files.file_name
    where events.batch > $batch
),

about as (
    select report_month
    from concerned
    where not is_decision
    union all
    select cast(date_trunc('month', records.report_date) as date)
    from marts.submission_records as records
    semi join (select * from concerned where not is_decision) as sent
        on records.report_month = sent.report_month
        and records.as_of = sent.as_of
    where records.record_type = '210'
)

select distinct report_month
from marts.built_months
where
    report_month in (select report_month from concerned)
    or report_month >= (select min(report_month) from about)
"""

log = logging.getLogger(__name__)


@contextmanager
def writing(settings: Settings, wait: bool = True) -> Iterator[None]:
    """Hold the lock of the home folder after ``finish_interrupted``; renew the pages at the end."""
    with exclusive(settings, wait=wait):
        finish_interrupted(settings)
        before = require_head(settings).number
        try:
            yield
        finally:  # also where the command fails after its batch is written
            rebuild_if_behind(settings)
            _renew_pages(settings, before)
        alert(settings)


def _shown_by_pages(settings: Settings) -> int:
    """The newest batch that the pages show: that of the database, if they were written after it."""
    front, database = front_page(settings), settings.published_database
    head = published_head(settings)
    if head is None or not front.is_file():
        return 0
    return head.number if front.stat().st_mtime_ns >= database.stat().st_mtime_ns else 0


def _renew_pages(settings: Settings, shown: int) -> None:
    """Renew the pages of the months that show what later batches say.

    A run sends records of earlier months, too, and a month's page says what of the months before it
    waits for repair.
    """
    head = published_head(settings)
    if head is None or head.number <= shown:
        return
    try:
        with open_published(settings) as connection:
            months = connection.execute(filled(SHOWN_IN, batch=str(shown))).fetchall()
    except (duckdb.Error, ReportingError) as fault:  # which stops no act
        log.warning("the pages were not renewed: %s", type(fault).__name__)
        return
    renew_after(settings, [month for (month,) in months], are_checks_new=False)


def finish_interrupted(settings: Settings) -> None:
    """Repair an interrupted release, and a database or pages behind the ledger; then the alerts."""
    shown = _shown_by_pages(settings)
    finish_releases(settings)
    rebuild_if_behind(settings)
    _renew_pages(settings, shown)
    alert(settings)


def count_set_aside(settings: Settings) -> int:
    """How many answers count for nothing until a person has looked at them."""
    return len([*(settings.inbox / SET_ASIDE).glob("*")])


def alert(settings: Settings, reasons: Mapping[str, str] | None = None) -> None:
    """Alert what the bureau rejected, refused or sent in vain, and is not alerted yet.

    ``reasons``: why a file of the inbox was set aside, by its name.
    """
    alert_answers(settings, settings.inbox / SET_ASIDE, now(), reasons or {})


def alert_after_run(settings: Settings) -> None:
    """Alert after a run. A fault of the alert does not stop the run; the next act tries again."""
    try:
        alert(settings)
    except (duckdb.Error, ReportingError, OSError) as fault:
        log.warning("the bureau's answers were not alerted: %s", type(fault).__name__)


def finish_releases(settings: Settings) -> None:
    """Finish every release whose batch is in the ledger, and remove what others had prepared."""
    for folder in sorted(settings.ledger.glob(PARTIAL.format("*"))):
        nonce = folder.name.removeprefix(".release-").removesuffix(".partial")
        if is_committed(nonce, settings):
            log.warning("an interrupted release is finished")
            finish(folder, nonce, settings)
        else:
            atomic.delete(folder)


def is_committed(nonce: str, settings: Settings) -> bool:
    """Whether the ledger holds the batch of a release."""
    with ledger_views(settings) as connection:
        return bool(
            connection.execute(
                filled(
                    "select 1 from marts.submission_events where event = 'RELEASED' "
                    "and json_extract_string(details, '$.nonce') = $nonce",
                    nonce=nonce,
                )
            ).fetchall()
        )


def finish(folder: Path, nonce: str, settings: Settings) -> None:
    """Put the parts of a committed release in place and remove its clear files (steps 3 to 5)."""
    place = {
        ARCHIVE: private_folder(settings.ledger / ARCHIVE),
        RUNS: settings.ledger / RUNS,
        OUTBOX: private_folder(settings.outbox),
    }
    place[RUNS].mkdir(exist_ok=True, mode=FOLDER_MODE)
    for kind, root in place.items():
        for part in sorted(path for path in (folder / kind).rglob("*") if path.is_file()):
            final = root / part.relative_to(folder / kind)
            final.parent.mkdir(
                parents=True, exist_ok=True, mode=FOLDER_MODE if kind == RUNS else 0o700
            )
            part.rename(final)
            atomic.sync_folder(final.parent)
    _remove_clear_files(nonce, settings)
    if settings.published_database.is_file():
        build_database(settings)
    atomic.delete(folder)


def _remove_clear_files(nonce: str, settings: Settings) -> None:
    with ledger_views(settings) as connection:
        files = connection.execute(
            filled(
                "select events.reporter_code, events.built_name, events.sha256, runs.label "
                "from marts.submission_events as events inner join submission.run_states as runs "
                "on events.report_month = runs.report_month and events.as_of = runs.as_of "
                "where events.event = 'RELEASED' and events.built_name is not null "
                "and events.batch in (select batch from marts.submission_events "
                "where event = 'RELEASED' and json_extract_string(details, '$.nonce') = $nonce)",
                nonce=nonce,
            )
        ).fetchall()
    released = {
        settings.submissions / reporter / label / name: digest
        for reporter, name, digest, label in files
    }
    for path, digest in atomic.sha256_of(path for path in released if path.is_file()).items():
        if digest == released[path]:
            path.unlink()
            atomic.sync_folder(path.parent)


def rebuild_if_behind(settings: Settings) -> None:
    """Build the published database again if it does not show the newest batch of the ledger.

    So is one of another version, one that is damaged, and one that was removed. Raises DataNotFit
    where the ledger has lost what the database shows.
    """
    if not settings.published_database.is_file() and not published_files(settings, "built_months"):
        return
    shown = published_head(settings)
    if shown is None or shown.number < require_head(settings).number or is_outdated(settings):
        build_database(settings)
