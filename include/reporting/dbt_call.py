"""dbt in this process.

dbt keeps its settings and its connection in globals: one call runs at a time, and each lets go of
the database at its end.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.Lock()


def call_dbt(arguments: list[str]) -> list[str] | None:
    """Run a command of dbt; None if all went well.

    Otherwise the nodes that failed, as "model repayment_status": none where dbt did not come so
    far. Why they failed stands in dbt's log alone: the words of an engine may quote values.
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
    return [
        f"{one.node.resource_type} {one.node.name}"
        for one in getattr(done.result, "results", [])
        if one.status in ("error", "fail", "partial success")
    ]


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
