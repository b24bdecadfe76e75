"""The private build store of a month: one DuckDB file that dbt fills and all else reads."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from reporting.errors import BadCall, DataNotFit
from reporting.run import Run
from reporting.settings import Settings


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


@contextmanager
def interrupted_as_others() -> Iterator[None]:
    """Ctrl-C during a query is an interrupt; DuckDB makes a RuntimeError of it."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def apply_limits(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Give a connection the memory and the threads that the settings allow."""
    if settings.memory_limit:
        try:
            connection.execute("set memory_limit = ?", [settings.memory_limit])
        except duckdb.ParserException:
            raise BadCall(
                f"setting REPORTING_MEMORY_LIMIT: {settings.memory_limit!r} is no size; "
                "write it as 8GB"
            ) from None
    if settings.threads:
        connection.execute("set threads = ?", [settings.threads])
