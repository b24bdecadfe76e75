"""dbt in this process.

dbt keeps its settings and its connection in globals: one call runs at a time, and each lets go of
the database at its end.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeGuard

from reporting.core import interrupts, safe_text

# How the message of a node begins that the engine stopped for its words, its limits or a value
_NO_DAMAGE = (
    "Runtime Error in .*\n *(Binder|Catalog|Parser|Out of Memory|INTERRUPT|Constraint|Conversion|"
    "Out of Range) Error"
)


@dataclass(frozen=True)
class FailedNode:
    """A node that failed, as "model repayment_status", and why, where the words quote no value.

    ``may_be_damage``: the engine stopped over what it read, such as a page it could not decode.
    """

    name: str
    may_be_damage: bool


_ONE_AT_A_TIME = threading.Lock()


def call_dbt(arguments: list[str]) -> list[FailedNode] | None:
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
    interrupts.require_none()  # else one that dbt or Python has dropped would be lost
    if done.success:
        return None
    if isinstance(done.exception, DbtUsageException) or _ends_all(done.exception):
        raise done.exception  # not of the nodes, and not in the log
    failed = [
        FailedNode(
            _named(f"{one.node.resource_type} {one.node.name}", one.message),
            one.status == "error" and _is_of_what_was_read(one.message or ""),
        )
        for one in getattr(done.result, "results", [])
        if one.status in ("error", "fail", "partial success")
    ]
    if failed or done.exception is None:
        return failed
    why = safe_text.of_dbt(str(done.exception)) or safe_text.of_error(done.exception)
    return [FailedNode(why, may_be_damage=False)]


def _ends_all(error: BaseException | None) -> TypeGuard[BaseException]:
    """Whether it is an interrupt, of Airflow too, and no fault of the command."""
    return error is not None and not isinstance(error, Exception)


def _named(node: str, message: str | None) -> str:
    words = safe_text.of_dbt(message or "")
    return f"{node}: {words}" if words else node


def _is_of_what_was_read(message: str) -> bool:
    return message.startswith("Runtime Error in ") and not re.match(_NO_DAMAGE, message)


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
