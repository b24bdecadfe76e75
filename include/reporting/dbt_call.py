"""dbt in this process.

dbt keeps its settings and its connection in globals: one call runs at a time, and each lets go of
the database at its end.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reporting import foreign_words

_ONE_AT_A_TIME = threading.Lock()


def call_dbt(arguments: list[str]) -> list[str] | None:
    """Run a command of dbt; None if all went well.

    Otherwise the nodes that failed and why, as "model repayment_status: Binder Error: ...", or why
    dbt did not come so far. Words that may quote values of rows stand in dbt's log alone.
    """
    with _ONE_AT_A_TIME:
        # seconds of imports, for which a command without dbt should not wait
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.adapters.factory import reset_adapters
        from dbt.cli.exceptions import DbtUsageException
        from dbt.cli.main import dbtRunner

        try:
            with _no_settings_of_the_user():
                done = dbtRunner().invoke(arguments)
        finally:
            # dbt leaves it open to the end of the process, and nobody else could read the file
            if DuckDBConnectionManager._ENV:
                DuckDBConnectionManager.env().close()
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
            reset_adapters()  # type: ignore[no-untyped-call]
    if done.success:
        return None
    if isinstance(done.exception, KeyboardInterrupt | SystemExit | DbtUsageException):
        raise done.exception  # not of the nodes, and not in the log
    failed = [
        _named(f"{one.node.resource_type} {one.node.name}", one.message)
        for one in getattr(done.result, "results", [])
        if one.status in ("error", "fail", "partial success")
    ]
    if failed or done.exception is None:
        return failed
    return [foreign_words.of_dbt(str(done.exception)) or foreign_words.of_error(done.exception)]


def _named(node: str, message: str | None) -> str:
    words = foreign_words.of_dbt(message or "")
    return f"{node}: {words}" if words else node


@contextmanager
def _no_settings_of_the_user() -> Iterator[None]:
    """Take dbt's variables out of the environment: a month is built by its own settings alone."""
    taken = {name: value for name, value in os.environ.items() if name.startswith("DBT_")}
    for name in taken:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(taken)
