"""The SQLAlchemy dialect through which Great Expectations reads a DuckDB file; it can only read.

Great Expectations fetches a result after its connection went back to the pool, whose rollback would
drop it. A reader has nothing to commit, so here transactions do nothing.
"""

from typing import Any

import duckdb
from duckdb_sqlalchemy import ConnectionWrapper, Dialect
from sqlalchemy.dialects import registry

from reporting.core.database import interrupted_as_others

URL = "duckdb+readonly://"  # the file goes into connect_args: a path may hold any character


def register() -> None:
    """Register the URL with SQLAlchemy; the plain ``duckdb://`` is not changed."""
    registry.register("duckdb.readonly", __name__, ReadOnlyDialect.__name__)


class ReadOnlyDialect(Dialect):
    """DuckDB without transactions, opened read-only, with a schema for names without one."""

    supports_statement_cache = False

    def connect(self, *_: Any, database: str, schema: str = "main", **__: Any) -> Any:
        """Open the file read-only; unqualified names resolve to the schema."""
        connection = duckdb.connect(database, read_only=True)
        connection.execute("set schema = ?", [schema])
        return ConnectionWrapper(connection)

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """Execute; keep an interrupt apart from an error, which Great Expectations would not."""
        with interrupted_as_others():
            super().do_execute(cursor, statement, parameters, context)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Likewise."""
        with interrupted_as_others():
            super().do_execute_no_params(cursor, statement, context)

    def do_begin(self, dbapi_connection: Any) -> None:
        """Nothing to begin."""

    def do_commit(self, dbapi_connection: Any) -> None:
        """Nothing to commit."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Nothing to undo."""
