"""What one delivered file holds, compared with the raw contract (contracts, section 1).

No message repeats a value of a file: it may be personal data.
"""

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import duckdb

from reporting.core.errors import BrokenDelivery
from reporting.core.raw_contract import RawColumn, RawTable
from reporting.landing.walk import compression, is_csv
from reporting.landing.zone import LandingZone

CUT_OFF = "is cut off or damaged inside its compression; deliver it again"
MOMENTS = {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
SchemaRow = tuple[str, str, int]  # name, type and number of children
WHOLE_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")


@dataclass(frozen=True)
class Feed:
    """One raw table being landed: its contract, where its files lie, what reads them."""

    table: RawTable
    zone: LandingZone
    connection: duckdb.DuckDBPyConnection

    def fault(self, path: str, what: str, column: str = "") -> BrokenDelivery:
        """A structural fault in one line."""
        place = f"table {self.table.name}, file {path}" + (f", column {column}" if column else "")
        return BrokenDelivery(f"{place}: {what}")


@dataclass(frozen=True)
class DeliveredFile:
    """A file: its columns as it names and types them, and the contract's columns it can fill."""

    path: str  # below the landing zone
    size: int  # bytes
    is_csv: bool
    columns: tuple[tuple[str, str], ...]
    usable: frozenset[str]
    untidy: frozenset[str] = frozenset()  # columns whose texts are to be trimmed (white_space)

    @property
    def layout(self) -> tuple[str, str, tuple[tuple[str, str], ...], list[str], list[str]]:
        """Equal for files that one call of a reader can read together."""
        columns = self.columns if self.is_csv else tuple(sorted(self.columns))
        kind = "csv" if self.is_csv else "parquet"
        return kind, self.compression, columns, sorted(self.usable), sorted(self.untidy)

    @property
    def compression(self) -> str:
        """How a CSV file is compressed, in DuckDB's word."""
        return compression(self.path)

    def unknown_columns(self, table: RawTable) -> list[str]:
        """Columns that are not in the contract."""
        return [name for name, _ in self.columns if name.lower() not in table.column_names]


def inspect_all(feed: Feed, paths: list[str]) -> list[DeliveredFile]:
    """Read the structure of a feed's files, those of Parquet in one query; errors as ``inspect``.

    Files missing from the result of that query, or breaking it, are inspected one by one.
    """
    addresses = [feed.zone.address(path) for path in paths if not is_csv(path)]
    rows = _parquet_schema(feed, addresses) if addresses else []
    schemas: dict[str, list[SchemaRow]] = defaultdict(list)
    for file, name, type_, children in rows:
        schemas[file.removeprefix(feed.zone.prefix)].append((name, type_, children))
    return [inspect(feed, path, schemas.get(path)) for path in paths]


# Every row has its own key. Consecutive ids, delta-encoded and compressed, take about a twentieth
# of a byte; only repeated equal rows take less, and they are no facts.
ROWS_PER_BYTE = 100
MANY_ROWS = 1_000_000  # fewer rows are harmless


def require_plausible(feed: Feed, files: list[DeliveredFile]) -> None:
    """Raise BrokenDelivery if a Parquet file declares more rows than its size can hold.

    Only the footers are read: the rows themselves could fill memory and disk.
    """
    sizes = {feed.zone.prefix + file.path: file for file in files if not file.is_csv}
    if not sizes:
        return
    found = feed.connection.execute(
        "select file_name, num_rows from parquet_file_metadata(?) where num_rows > ?",
        [[feed.zone.address(file.path) for file in sizes.values()], MANY_ROWS],
    ).fetchall()
    for name, rows in found:
        file = sizes[name]
        if rows > ROWS_PER_BYTE * file.size:
            raise feed.fault(
                file.path,
                f"declares {rows:,} rows in {file.size:,} bytes, more than it can hold; "
                "deliver it again",
            )


def inspect(feed: Feed, path: str, schema: list[SchemaRow] | None = None) -> DeliveredFile:
    """Read the structure of a file; BrokenDelivery if it does not fit the contract.

    Column names are compared without regard to case, as DuckDB does. ``schema`` is that of a
    Parquet file, where it is read already.
    """
    is_text = is_csv(path)
    columns = _csv_columns(feed, path) if is_text else _parquet_columns(feed, path, schema)
    types = {name.lower(): type_ for name, type_ in columns}
    # first what is missing: the first line of a CSV without a header is data, not to be repeated
    for column in feed.table.columns:
        if column.is_required and column.name not in types:
            hint = " (first line, separated by commas)" if is_text else ""
            raise feed.fault(path, f"is missing; deliver it in every file{hint}", column.name)
    for name, times in Counter(name.lower() for name, _ in columns).items():
        if times > 1 and name in feed.table.column_names:
            raise feed.fault(path, f"appears {times} times; deliver each column once", name)
    usable = {column.name for column in feed.table.columns if column.name in types}
    if not is_text:
        usable -= _columns_of_another_type(feed, path, types)
    return DeliveredFile(path, feed.zone.size(path), is_text, columns, frozenset(usable))


def _csv_columns(feed: Feed, path: str) -> tuple[tuple[str, str], ...]:
    """The names in the first line, without the blanks around them."""
    try:
        header = _header(feed, path)
    except UnicodeDecodeError:
        raise feed.fault(path, "is not UTF-8; write it in UTF-8") from None
    except (csv.Error, OSError, duckdb.Error) as error:
        is_cut_off = compression(path) != "none" and not isinstance(error, csv.Error)
        fault = CUT_OFF if is_cut_off else "its header cannot be read; deliver the file again"
        raise feed.fault(path, fault) from None
    if not header:
        raise feed.fault(path, "has no header; name the columns in the first line")
    return tuple((name.strip(), "VARCHAR") for name in header)


def _header(feed: Feed, path: str) -> list[str]:
    if compression(path) == "none":
        with feed.zone.open_text(path) as file:
            return next(csv.reader(file, strict=True), [])
    # Python has no zstd before 3.14: DuckDB reads the first line of a compressed file
    lines = feed.connection.execute(
        "from read_csv(?, auto_detect = false, header = false, delim = '\\0', quote = '', "
        "escape = '', columns = {'line': 'VARCHAR'}, hive_partitioning = false, compression = ?) "
        "limit 1",
        [feed.zone.address(path), compression(path)],
    ).fetchall()
    return next(csv.reader((line for (line,) in lines), strict=True), [])


def _parquet_schema(feed: Feed, addresses: list[str]) -> list[tuple[str, str, str, int]]:
    """File, name, type and number of children of each node; of each file its root first.

    None where a file cannot be read as Parquet.
    """
    try:
        return feed.connection.execute(
            "select file_name, name, case when num_children > 0 then 'a nested type' "
            "when type = 'INT96' then type else duckdb_type end, coalesce(num_children, 0) "
            "from parquet_schema(?)",
            [addresses],
        ).fetchall()
    except duckdb.OutOfMemoryException:  # no fault of a file
        raise
    except duckdb.Error:
        return []


def _parquet_columns(
    feed: Feed, path: str, schema: list[SchemaRow] | None
) -> tuple[tuple[str, str], ...]:
    if schema is None:
        rows = _parquet_schema(feed, [feed.zone.address(path)])
        schema = [(name, type_, children) for _, name, type_, children in rows]
    if not schema:
        raise feed.fault(path, "is no complete Parquet file; deliver it again")
    columns, descendants = [], 0
    for name, type_, children in schema[1:]:  # the first row is the schema's root
        if descendants:
            descendants -= 1
        else:
            columns.append((name, type_))
        descendants += children
    return tuple(columns)


def _columns_of_another_type(feed: Feed, path: str, types: dict[str, str]) -> set[str]:
    """Columns of a wrong type to read as NULL: empty ones. Raises for one that holds values."""
    other = [c for c in feed.table.columns if types.get(c.name, c.type) != c.type]
    if not other:
        return set()
    suited = {column.name for column in other if _is_suited(types[column.name], column.type)}
    counts = ", ".join(
        f"count({c.name}), "
        + (f"count(try_cast({c.name} as {c.type}))" if c.name in suited else "0")
        for c in other
    )
    relation = feed.connection.from_parquet(feed.zone.address(path), hive_partitioning=False)
    try:
        [row] = relation.aggregate(counts).fetchall()
    except duckdb.Error:
        raise feed.fault(path, "is damaged; deliver it again") from None
    for column, filled, taken in zip(other, row[::2], row[1::2], strict=True):
        if filled != taken:
            raise feed.fault(path, _what_is_wrong(column, types[column.name]), column.name)
    return {column.name for column in other} - suited


def _is_suited(delivered: str, wanted: str) -> bool:
    """Whether a stored type may fill a column without loss (values out of range aside)."""
    if wanted == "TIMESTAMP":
        return delivered in MOMENTS
    scale, room = _scale(delivered), _scale(wanted)
    return scale is not None and room is not None and scale <= room


def _scale(type_: str) -> int | None:
    """Decimals of an exact number type; None for every other type."""
    decimal = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", type_)
    if decimal:
        return int(decimal[1])
    return 0 if WHOLE_NUMBER.fullmatch(type_) else None


def _what_is_wrong(column: RawColumn, delivered: str) -> str:
    if _is_suited(delivered, column.type):
        return f"holds values too large for {column.type}; correct them"
    without_zone = " without time zone" if column.type == "TIMESTAMP" else ""
    return f"is {delivered} and must be {column.type}{without_zone}; deliver it in that type"
