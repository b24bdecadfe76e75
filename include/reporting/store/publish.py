"""Publish a month: each table is written aside and renamed, and then the database.

While a month's files are replaced one by one, a mark file stands beside them. If a run is killed
meanwhile the mark stays, and later months refuse to build on a mixture of two builds.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.run import OWN_PART, Run
from reporting.core.settings import Settings
from reporting.store.published import (
    TABLES,
    UNFINISHED,
    published_file,
    published_files,
    tables_of,
    unfinished_months,
)
from reporting.store.published_database import build_database
from reporting.store.submission_ledger import run_states

log = logging.getLogger(__name__)

GROUP = 40_960  # rows that are read for one id: tables are sorted by it, and a month is one file


@contextmanager
def in_one_piece(run: Run, settings: Settings) -> Iterator[None]:
    """Mark the month while its files are replaced; the mark stays if that is not finished.

    Until a supplement is whole it has no file of its run, by which it counts for nothing.
    """
    settings.published.mkdir(parents=True, exist_ok=True)
    mark = settings.published / UNFINISHED.format(run.label)
    mark.touch()
    if run.is_supplement:
        atomic.remove(published_file(settings, "runs", run))
    yield
    mark.unlink(missing_ok=True)


def publish_tables(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    tables: tuple[str, ...] | None = None,
) -> Path:
    """Publish tables of the run from the build store; returns the database's path."""
    write_tables(connection, run, settings, tables)
    return build_database(settings)


def write_tables(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    tables: tuple[str, ...] | None = None,
) -> None:
    """Replace the run's files of published tables; the database shows them when it is built.

    Without ``tables``: all that a run of its kind publishes.
    """
    for table in tables_of(run) if tables is None else tables:
        file = published_file(settings, table, run)
        file.parent.mkdir(parents=True, exist_ok=True)
        # earlier months in scope keep the rows they were published with; sorted, so that equal runs
        # give equal bytes
        with atomic.replaced(file) as aside:
            connection.execute(
                f"copy (select * from marts.{table} where report_month = date '{run.month}' "
                f"order by {TABLES[table]}) "
                f"to {literal(aside)} (format parquet, compression zstd, row_group_size {GROUP})"
            )


def remove_superseded(run: Run, settings: Settings) -> None:
    """Remove supplements that are not released, and clear files that were left to be sent again.

    The run that is published takes over what they would have sent (life cycle, sections 2 and 6).
    """
    released = {one.label for one in run_states(settings) if one.released_at is not None}
    for label in sorted(_supplements(settings) - released - {run.label}):
        log.warning("%s is removed: %s takes over what is pending", label, run.label)
        month, _, moment = label.partition("@")
        files = settings.published.glob(f"*/report_month={month}-01/{moment}.parquet")
        for file in sorted(files, key=lambda path: path.parent.parent.name != "runs"):
            atomic.remove(file)  # first that of the run, without which none is shown
        for folder in (
            *settings.submissions.glob(f"*/{label}"),
            settings.work / label,
            settings.month_page(label).parent,
        ):
            atomic.remove(folder)
        (settings.published / UNFINISHED.format(label)).unlink(missing_ok=True)
    for label in released:
        for file in settings.submissions.glob(f"*/{label}/*.txt"):
            atomic.remove(file)


def _supplements(settings: Settings) -> set[str]:
    """The labels of the supplements that have files of any kind, also of a stopped publication."""
    found = (path for table in TABLES for path in published_files(settings, table))
    published = {
        f"{path.parent.name.removeprefix('report_month=')[:7]}@{path.stem}"
        for path in found
        if path.name != OWN_PART
    }
    written = {path.name for path in settings.submissions.glob("*/*@*")}
    return published | written | {one for one in unfinished_months(settings) if "@" in one}
