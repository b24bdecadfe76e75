"""The private build store of a month: one DuckDB file that dbt fills and later steps read."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from reporting.core import atomic
from reporting.core.database import apply_limits
from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings


@contextmanager
def open_store(
    run: Run, settings: Settings, *, read_only: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the month's build store, closed at the end of the block."""
    path = run.build_store(settings)
    if not path.is_file():
        raise DataNotFit(f"month {run.label} has no build store at {path}; land the month first")
    connection = duckdb.connect(str(path), read_only=read_only)
    try:
        apply_limits(connection, settings)
        yield connection
    finally:
        connection.interrupt()  # closing would wait for a query that was left in the middle
        connection.close()


def remove_old_stores(settings: Settings) -> None:
    """Remove the private folders of all months except the newest; their stores hold clear names.

    ``REPORTING_KEPT_BUILD_STORES`` is the number of months kept, each with its supplements.
    Published and sent files are not removed.
    """
    folders = sorted(settings.work.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]*"))
    months = sorted({folder.name[:7] for folder in folders})
    removed = months[: -settings.kept_build_stores]
    for folder in folders:
        if folder.name[:7] in removed:
            atomic.remove(folder)
