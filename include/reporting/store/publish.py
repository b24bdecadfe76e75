"""Publish a month: each table is written aside and renamed, and then the database.

While a month's files are replaced one by one, a mark file stands beside them. If a run is killed
meanwhile the mark stays, and later months refuse to build on a mixture of two builds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.store.published import PART, TABLES, UNFINISHED, partition
from reporting.store.published_database import build_database

GROUP = 40_960  # rows that are read for one id: tables are sorted by it, and a month is one file


@contextmanager
def in_one_piece(run: Run, settings: Settings) -> Iterator[None]:
    """Mark the month while its files are replaced; the mark stays if that is not finished."""
    settings.published.mkdir(parents=True, exist_ok=True)
    mark = settings.published / UNFINISHED.format(run.label)
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


def publish_tables(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    tables: tuple[str, ...] = tuple(TABLES),
) -> Path:
    """Publish tables of the month from the build store; returns the database's path."""
    write_tables(connection, run, settings, tables)
    return build_database(settings)


def write_tables(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    tables: tuple[str, ...] = tuple(TABLES),
) -> None:
    """Replace the month's files of published tables; the database shows them when it is built."""
    for table in tables:
        folder = partition(settings, table, run.month)
        folder.mkdir(parents=True, exist_ok=True)
        # earlier months in scope keep the rows they were published with; sorted, so that equal runs
        # give equal bytes
        with atomic.replaced(folder / PART) as aside:
            connection.execute(
                f"copy (select * from marts.{table} where report_month = date '{run.month}' "
                f"order by {TABLES[table]}) "
                f"to {literal(aside)} (format parquet, compression zstd, row_group_size {GROUP})"
            )
