"""The SQLAlchemy dialect through which Great Expectations reads a DuckDB file; it can only read.

``duckdb-engine`` alone is not enough. It ends a transaction when a connection returns to the pool,
and DuckDB then drops the result that Great Expectations has not fetched yet. It also reads
PostgreSQL catalogue tables for columns that DuckDB does not have. Here transactions do nothing,
since a reader has nothing to commit, and columns come from ``information_schema``.
"""

from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy import Connection, text
from sqlalchemy.dialects import registry
from sqlalchemy.types import NullType

from reporting.core.database import interrupted_as_others

URL = "duckdb+readonly://"  # the file goes into connect_args: a path may hold any character


def register() -> None:
    """Register the URL with SQLAlchemy; the plain ``duckdb://`` is not changed."""
    registry.register("duckdb.readonly", __name__, ReadOnlyDialect.__name__)


class ReadOnlyDialect(Dialect):
    """DuckDB without transactions; columns come from ``information_schema``."""

    supports_statement_cache = False

    def connect(self, *_: Any, database: str, schema: str = "main", **__: Any) -> Any:
        """Open the file read-only; unqualified names resolve to the schema."""
        connection = duckdb.connect(database, read_only=True)
        connection.execute("set schema = ?", [schema])
        return ConnectionWrapper(connection)

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """Execute; keep an interrupt apart from an error, which Great Expectations would not."""
        with interrupted_as_others():
            super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Likewise."""
        with interrupted_as_others():
            super().do_execute_no_params(cursor, statement, context)  # type: ignore[no-untyped-call]

    def do_begin(self, connection: Any) -> None:
        """Nothing to begin."""

    def do_commit(self, connection: Any) -> None:
        """Nothing to commit."""

    def do_rollback(self, connection: Any) -> None:
        """Nothing to undo; a real rollback would drop the result that is still to be fetched."""

    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> Any:
        """The columns of a table or view, in order; their types play no part in the checks."""
        query = text(
            "select column_name, is_nullable from information_schema.columns"
            " where table_schema = coalesce(:schema, current_schema()) and table_name = :table"
            " order by ordinal_position"
        )
        rows = connection.execute(query, {"schema": schema, "table": table_name})
        return [
            {"name": name, "type": NullType(), "nullable": nullable == "YES", "default": None}
            for name, nullable in rows
        ]
