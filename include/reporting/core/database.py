"""DuckDB files and connections: atomic writes, limits from the settings, interrupts."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import count
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.settings import Settings
from reporting.core.workspace import spill_folder

SIZE = re.compile(r"\s*(?=[0-9.]*[1-9])[0-9]+([.][0-9]+)?\s*([A-Za-z]+|%)\s*")
# What must be there when the file is opened again: each view, each table and its rows. Queries and
# types are not compared: DuckDB prints them in another way once it has read them from a file.
CONTENTS = """
    select schema_name, table_name, column_count, estimated_size
    from duckdb_tables() where not internal and not temporary
    union all
    select schema_name, view_name, null, null
    from duckdb_views() where not internal and not temporary
    order by all
"""

# Other people's programs may be older: from this version of DuckDB on, they open what we publish.
READABLE_BY = "v1.0.0"

_ENGINES: list[duckdb.DuckDBPyConnection] = []  # the one of this process, once it is needed
_KEPT: dict[Hashable, str] = {}  # what the kept database of the engine follows from -> its name
_READERS: Counter[str] = Counter()  # open blocks of ``kept_in_memory``, by the name of the database
_NUMBERS = count(1)


def _leave_engine() -> None:
    """Forget the engine of this process; the next database starts another one."""
    _KEPT.clear()
    _ENGINES.clear()


os.register_at_fork(before=_leave_engine)  # a fork has none of its threads and must not end it


def literal(value: object) -> str:
    """A text or a path as an SQL literal, in quotes."""
    return "'" + str(value).replace("'", "''") + "'"


Value = int | date | str | Sequence[str]


def filled(query: str, **values: Value) -> str:
    """A query with its parameters, such as ``$month``, as literals; a sequence stands after ``in``.

    For answers that somebody waits for: to bind a parameter, DuckDB's client imports pandas, which
    takes half a second.
    """

    def as_sql(value: Value) -> str:
        if isinstance(value, int):
            return str(value)
        if isinstance(value, datetime):
            return f"timestamp {literal(value)}"
        if isinstance(value, date):
            return f"date {literal(value)}"
        if isinstance(value, str):
            return literal(value)
        return f"({', '.join(map(literal, value)) or 'null'})"

    return re.sub(r"\$(\w+)", lambda found: as_sql(values[found[1]]), query)


def json_rows(rows: Iterable[Mapping[str, object]], columns: Mapping[str, str]) -> str:
    """The SQL relation of rows in Python, whose values stand in it as literals (see ``filled``).

    For some thousand rows at a time. A column that a row lacks is null there. The engine stops over
    a value that does not fit its column.
    """
    given = literal(json.dumps([*rows], default=_iso, ensure_ascii=False))
    form = literal(json.dumps([columns]))
    return f"(select unnest(from_json_strict({given}, {form}), recursive := true))"


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def parquet_rows(*paths: Path) -> str:
    """The SQL relation of the rows of some Parquet files; a column that one lacks is null there."""
    listed = ", ".join(literal(path) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own in memory, for small tables and files.

    All of a process share one engine, since to start one takes ten times as long as to add a
    database to it. Settings and functions of an engine would be those of all, and another cursor
    does not see this database: work that needs one starts an engine of its own.
    """
    with _database_in_engine(":memory:") as connection:
        yield connection


@contextmanager
def kept_in_memory(
    source: Hashable, fill: Callable[[duckdb.DuckDBPyConnection], None]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in the engine of ``in_memory`` that is filled once and then read again and again.

    ``source``: all that its content follows from. The database of another source replaces it; a
    replaced one is detached when its last reader ends. For one thread at a time.
    """
    name = _KEPT.get(source) or _keep(source, fill)
    _READERS[name] += 1
    try:
        with _cursor(f"use {name}") as connection:
            yield connection
    finally:
        _READERS[name] -= 1
        _give_up({name})


def _keep(source: Hashable, fill: Callable[[duckdb.DuckDBPyConnection], None]) -> str:
    name = f"database_{next(_NUMBERS)}"
    try:
        with _cursor(f"attach ':memory:' as {name}; use {name}") as connection:
            fill(connection)
    except BaseException:
        _detach(name)
        raise
    before = {*_KEPT.values()}
    _KEPT.clear()
    _KEPT[source] = name
    _give_up(before)
    return name


def _give_up(names: set[str]) -> None:
    """Detach those of some databases that are neither kept nor read."""
    for name in names - {*_KEPT.values()}:
        if not _READERS[name]:
            _detach(name)


@contextmanager
def attached(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database file, read only and for a moment, in the engine of ``in_memory``."""
    with _database_in_engine(str(file), "(read_only)") as connection:
        yield connection


@contextmanager
def _database_in_engine(address: str, options: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    name = f"database_{next(_NUMBERS)}"
    try:
        with _cursor(f"attach {literal(address)} as {name} {options}; use {name}") as connection:
            yield connection
    finally:
        _detach(name)


def _detach(name: str) -> None:
    if _ENGINES:
        with _ENGINES[0].cursor() as cursor:
            cursor.execute(f"detach database if exists {name}")


@contextmanager
def _cursor(start: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of the engine of this process, which begins with a statement."""
    if not _ENGINES:
        _ENGINES.append(duckdb.connect())
    connection = _ENGINES[0].cursor()
    try:
        connection.execute(start)
        yield connection
    except (duckdb.FatalException, duckdb.InternalException):
        _leave_engine()  # it would refuse all that follows
        raise
    finally:
        connection.interrupt()  # closing would wait for a query that was left in the middle
        connection.close()


@contextmanager
def new_database(
    final: Path, config: Mapping[str, str] | None = None, copied_from: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Write a new database aside; it is renamed once it is complete on disk.

    ``copied_from``: the database file whose content it begins with.

    Closing a connection hides a failed checkpoint, such as on a full disk, and rows that are only
    in the write-ahead log would be lost. So the checkpoint is explicit and the schema is read back.
    """
    # a name of its own each time: DuckDB waits for ever to open a file again in which a signal has
    # interrupted a query, and an act that is stopped writes the database once more
    with atomic.replaced(final, next(_NUMBERS)) as aside:
        log = aside.with_name(f"{aside.name}.wal")
        atomic.delete(log)
        if copied_from is not None:
            shutil.copyfile(copied_from, aside)
        chosen: dict[str, str | bool | int | float | list[str]] = {
            "storage_compatibility_version": READABLE_BY,
            **(config or {}),
        }
        connection = duckdb.connect(str(aside), config=chosen)
        try:
            yield connection
            connection.execute("checkpoint")
            written = connection.execute(CONTENTS).fetchall()
        finally:
            connection.close()
            left = log.exists()
            atomic.delete(log)
        with duckdb.connect(str(aside), read_only=True) as connection:
            if left or connection.execute(CONTENTS).fetchall() != written:
                raise DataNotFit(
                    f"{final} could not be written whole; look at the disk and run the step again"
                )
        atomic.delete(final.with_name(f"{final.name}.wal"))  # of the file that is replaced now


@contextmanager
def interrupted_as_others() -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C during a query, which DuckDB turns into a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def apply_limits(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Set a connection's memory and threads from the settings, and a private spill folder.

    A build store spills into a folder that DuckDB makes beside its file, in the month's private
    folder; a connection without a file would spill into the current folder.
    """
    if connection.execute("select current_setting('temp_directory')").fetchall() == [(".tmp",)]:
        connection.execute(f"set temp_directory = {literal(spill_folder(settings))}")
    if settings.memory_limit:
        try:
            if not SIZE.fullmatch(settings.memory_limit):  # DuckDB reads -1GB as 16,384 PiB
                raise duckdb.ParserException
            connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        except duckdb.Error:  # one that is no size, or under which nothing can be done
            raise BadCall(
                f"setting REPORTING_MEMORY_LIMIT: {settings.memory_limit!r} is no size; "
                "write it as 8GB"
            ) from None
    if settings.threads:
        connection.execute(f"set threads = {settings.threads}")
