"""A small SQL prompt that can read the published tables and nothing else on this machine."""

import sys
from collections.abc import Iterator

import duckdb
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from reporting.cli.terminal import shown
from reporting.core.errors import BadCall
from reporting.core.settings import Settings
from reporting.store.published_database import open_published

ROWS_SHOWN = 40
WIDEST = 100_000  # columns of a table that is not printed at a terminal
REFUSED = (  # they write files or open others
    duckdb.StatementType.COPY,
    duckdb.StatementType.EXPORT,
    duckdb.StatementType.ATTACH,
    duckdb.StatementType.LOAD,
)


def open_shell(settings: Settings, console: Console) -> None:
    """Run statements that end in a semicolon and print their rows; ``.quit`` or Ctrl+D ends.

    Statements may also come from a pipe; then the first error ends the shell.
    """
    interactive = sys.stdin.isatty()
    with open_published(settings) as connection:
        _confine(connection, settings)
        if interactive:
            console.print(
                f"{settings.published_database}, read-only. End a statement with ; leave with .quit"
            )
            tables = connection.execute(
                "select view_name from duckdb_views() where schema_name = 'marts' order by all"
            )
            console.print("Tables: " + ", ".join(name for (name,) in tables.fetchall()))
        for statement in _statements(console, interactive):
            try:
                for one in connection.extract_statements(statement):
                    _require_reading(one)
                    _show(connection.execute(one), console)
            except duckdb.Error as error:
                first = str(error).splitlines()[0]
                if not interactive:
                    raise BadCall(first) from None
                console.print(first, style="red", markup=False)


def _confine(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Permanently restrict a connection to the published files; tables need no schema name."""
    connection.execute("use marts")
    connection.execute("set allowed_directories = ?", [[str(settings.published.resolve())]])
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _require_reading(statement: duckdb.Statement) -> None:
    if statement.type in REFUSED:
        raise duckdb.PermissionException(
            f"explore only reads: {statement.type.name} is refused; to write a file, open "
            "reporting.duckdb read-only in a tool of your own"
        )


def _statements(console: Console, interactive: bool) -> Iterator[str]:
    text = ""
    while True:
        try:
            line = (
                console.input("sql> " if interactive and not text else "")
                if interactive
                else input()
            )
        except EOFError:
            line, text = ".quit", text + ";" if text.strip() else text
        if line.strip() == ".quit":
            if text.strip(" ;\n"):
                yield text
            return
        text += line + "\n"
        if text.rstrip().endswith(";"):
            yield text
            text = ""


def _show(result: duckdb.DuckDBPyConnection, console: Console) -> None:
    table = Table(*(Column(Text(shown(name))) for name, *_ in result.description or []))
    rows = result.fetchmany(ROWS_SHOWN + 1)
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*(Text("" if value is None else shown(str(value))) for value in row))
    if console.is_terminal:
        console.print(table)
    else:  # a file or another program reads it: nothing is cut or broken into lines
        console.print(table, width=WIDEST, crop=False)
    if len(rows) > ROWS_SHOWN:
        console.print(f"... more rows; add a limit or an aggregate (shown: {ROWS_SHOWN})")
