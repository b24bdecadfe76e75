"""Call dbt in this process.

dbt keeps its settings and its connection in globals: one call runs at a time, and each releases the
database at its end.
"""

import os
import re
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeGuard

from reporting.core import interrupts, safe_text

# How a node's message begins if the engine stopped over its SQL, a limit or a value
_NO_DAMAGE = (
    "Runtime Error in .*\n *(Binder|Catalog|Parser|Out of Memory|INTERRUPT|Constraint|Conversion|"
    "Out of Range) Error"
)


@dataclass(frozen=True)
class FailedNode:
    """A failed node, as "model repayment_status", and the reason if its text quotes no value.

    ``may_be_damage``: the engine may have stopped because it could not decode a file. ``lack``:
    what the machine lacked, if that is the reason.
    """

    name: str
    may_be_damage: bool = False
    lack: str = ""


_ONE_AT_A_TIME = threading.Lock()
_PARSED: dict[Hashable, bytes] = {}  # projects that ``parse`` has read, kept for this process


def call_dbt(arguments: list[str], graph: Hashable = None) -> list[FailedNode] | None:
    """Run a dbt command; returns None on success.

    ``graph`` stands for whatever decides which nodes there are and what they depend on: a command
    takes the project as this process last parsed it for an equal graph, with its own variables.

    Otherwise returns the failed nodes with reasons, as "model repayment_status: Binder Error: ...",
    or why dbt stopped before its nodes. Text that may quote values of rows is only in dbt's log.
    """
    with _ONE_AT_A_TIME:
        # the imports take seconds, for which a command without dbt should not wait
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.adapters.factory import reset_adapters
        from dbt.cli.exceptions import DbtUsageException
        from dbt.cli.main import dbtRunner
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

        try:
            with _no_settings_of_the_user():
                # a copy, since dbt keeps what it compiles in the project that it is given
                parsed = None
                if graph in _PARSED:
                    parsed = Manifest.from_msgpack(_PARSED[graph], extended_mashumuro_decoder)
                    parsed.build_flat_graph()  # type: ignore[no-untyped-call]
                done = dbtRunner(manifest=parsed).invoke(arguments)
                if graph is not None and isinstance(done.result, Manifest):  # as ``parse`` returns
                    _PARSED[graph] = done.result.to_msgpack(extended_mashumaro_encoder)
        finally:
            # dbt would keep the file open to the end of the process, so no one else could read it
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
            safe_text.lack_in(one.message or ""),
        )
        for one in getattr(done.result, "results", [])
        if one.status in ("error", "fail", "partial success")
    ]
    if failed or done.exception is None:
        return failed
    why = safe_text.of_dbt(str(done.exception)) or safe_text.of_error(done.exception)
    return [FailedNode(why, lack=safe_text.lack_in(str(done.exception)))]


def _ends_all(error: BaseException | None) -> TypeGuard[BaseException]:
    """Whether it is an interrupt, also one of Airflow, and not an error of the command."""
    return error is not None and not isinstance(error, Exception)


def _named(node: str, message: str | None) -> str:
    words = safe_text.of_dbt(message or "")
    return f"{node}: {words}" if words else node


def _is_of_what_was_read(message: str) -> bool:
    return message.startswith("Runtime Error in ") and not re.match(_NO_DAMAGE, message)


@contextmanager
def _no_settings_of_the_user() -> Iterator[None]:
    """Remove dbt's variables from the environment, so that only the run's settings apply."""
    taken = {name: value for name, value in os.environ.items() if name.startswith("DBT_")}
    for name in taken:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(taken)
