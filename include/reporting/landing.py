"""The landing check: are the delivered feeds whole, and how does everything after read them?

A broken structure stops the run here with one line; a single bad value does not: its row is left
for staging to quarantine (contracts, section 1 "Landing" and "Conventions").
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from reporting.errors import BadCall, BrokenDelivery, ReportingError
from reporting.landing_files import DeliveredFile, Feed, inspect, inspect_all
from reporting.landing_sql import empty_select, text, typed_select, what_is_broken
from reporting.landing_zone import FORMATS, LandingZone
from reporting.policy import read_policy
from reporting.raw_contract import raw_contract
from reporting.run import Run
from reporting.settings import Settings
from reporting.warehouse import apply_limits, new_database

PRIVATE = 0o700
NAMED = 5  # unknown products named in a message
A_CODE = r"[A-Za-z][A-Za-z0-9_]{0,39}"


@dataclass(frozen=True)
class LandedTable:
    """A feed as delivered: its files, relative to the landing zone, and all their rows."""

    name: str
    files: tuple[str, ...]
    rows: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LandingReport:
    """What a landing check found; ``contents`` is the SHA-256 of every file that was read."""

    tables: tuple[LandedTable, ...]
    warnings: tuple[str, ...]
    contents: Mapping[str, str]

    @property
    def input_digest(self) -> str:
        """SHA-256 over the sorted pairs of path and digest."""
        pairs = "".join(f"{path}\0{digest}\n" for path, digest in sorted(self.contents.items()))
        return hashlib.sha256(pairs.encode()).hexdigest()

    def lines(self) -> list[str]:
        """One line per feed, then the warnings."""
        feeds = [f"{t.name}: {t.rows:,} rows in {len(t.files):,} files" for t in self.tables]
        return [*feeds, *(f"warning: {warning}" for warning in self.warnings)]


def land(run: Run, settings: Settings) -> LandingReport:
    """Check the landing zone and create the month's build store with schema ``raw``.

    ``raw`` holds one view or table per feed with every delivered row, and ``product_policy``, the
    policy in force. Raises BadCall for a wrong setting or policy, BrokenDelivery for feeds that are
    missing or broken in structure; then there is no build store of the month. A page of a Parquet
    file that cannot be decoded shows itself where it is first read (``damage_is_named``).
    """
    policy = read_policy(settings)
    zone = LandingZone.of(settings.landing)
    with damage_is_named(settings), _fresh_build_store(run, settings) as connection:
        zone.register(connection)
        connection.execute("create schema raw")
        feeds = [Feed(table, zone, connection) for table in raw_contract()]
        contents: dict[str, str] = {}
        tables = tuple(_land_feed(feed, contents) for feed in feeds)
        _land_policy(policy, connection)
        _require_known_products(run, policy, connection)
    stray = sorted(set(zone.folders()) - {table.name for table in tables})
    warnings = [f"folder {name} is no raw table; it is ignored" for name in stray]
    warnings += [warning for table in tables for warning in table.warnings]
    return LandingReport(tables, tuple(warnings), contents)


@contextmanager
def _fresh_build_store(run: Run, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new store that takes its place only when the landing zone has proved whole."""
    store = run.build_store(settings)
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        for folder in (settings.work, store.parent):
            folder.chmod(PRIVATE)
    except OSError as error:
        raise BadCall(
            f"setting REPORTING_HOME: {store.parent} cannot be made ({error.strerror}); "
            "name a folder that may be written"
        ) from None
    for path in (store, store.with_name(f"{store.name}.wal")):
        path.unlink(missing_ok=True)
    # private and short-lived: it may use what only this version of DuckDB reads
    newest = {"storage_compatibility_version": "latest"}
    with new_database(store, newest) as connection:
        connection.execute("set autoinstall_known_extensions = false")
        apply_limits(connection, settings)
        yield connection


def _land_feed(feed: Feed, contents: dict[str, str]) -> LandedTable:
    """Land one feed and note the digests of its files."""
    paths, warnings = delivered_files(feed)
    files = inspect_all(feed, paths)
    contents.update(feed.zone.contents(paths))
    rows = _create(feed, files)
    require_rows(feed, rows)
    warnings += _unknown_columns(feed, files)
    warnings += unreadable_values(feed, files)
    return LandedTable(feed.table.name, tuple(paths), rows, tuple(warnings))


def delivered_files(feed: Feed) -> tuple[list[str], list[str]]:
    """The files of a feed that can be read, and a warning for each other one.

    Raises BrokenDelivery where a required feed has none.
    """
    table, delivered = feed.table, feed.zone.files(feed.table.name)
    paths = [path for path in delivered if path.lower().endswith(FORMATS)]
    warnings = [
        f"table {table.name}, file {path}: is neither Parquet nor CSV; it is ignored"
        for path in delivered
        if path not in paths
    ]
    if table.is_required and not paths:
        raise BrokenDelivery(
            f"table {table.name}: no .parquet or .csv file under {feed.zone.shown}{table.name}; "
            "deliver the feed"
        )
    return paths, warnings


def require_rows(feed: Feed, rows: int) -> None:
    """BrokenDelivery where the files of a required feed are all empty."""
    name = feed.table.name
    if feed.table.is_required and not rows:
        raise BrokenDelivery(
            f"table {name}: the files under {feed.zone.shown}{name} hold no row; deliver the feed"
        )


def _create(feed: Feed, files: list[DeliveredFile]) -> int:
    """Create the feed in schema raw; return its number of rows."""
    name = feed.table.name
    is_read_once = not feed.zone.is_local or any(file.is_csv for file in files)
    select = typed_select(feed.table, files, feed.zone) if files else empty_select(feed.table)
    kind = "table" if is_read_once else "view"
    feed.connection.execute(f"create {kind} raw.{name} as {select}")
    row = feed.connection.execute(f"select count(*) from raw.{name}").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def damage_is_named(settings: Settings) -> Iterator[None]:
    """Where the block fails because a delivered file cannot be decoded, name the file.

    Every value is decoded by the steps that read it, and only a failure is worth a look of its own:
    it reads the whole landing zone. Raises BrokenDelivery instead of the block's error.
    """
    try:
        yield
    except (duckdb.OutOfMemoryException, BadCall, BrokenDelivery):
        raise  # no fault of a file, or it is named already
    except (duckdb.Error, ReportingError):
        _require_readable(settings)
        raise


def _require_readable(settings: Settings) -> None:
    zone = LandingZone.of(settings.landing)
    with duckdb.connect() as connection:
        apply_limits(connection, settings)
        zone.register(connection)
        for feed in (Feed(table, zone, connection) for table in raw_contract()):
            for path in delivered_files(feed)[0]:
                found = broken(feed, inspect(feed, path))
                if found:
                    raise feed.fault(*found)


def _read_all(feed: Feed, source: str) -> None:
    """Decode every value."""
    columns = ", ".join(feed.table.column_names)
    feed.connection.execute(f"select bit_xor(hash({columns})) {source}").fetchone()


def broken(feed: Feed, file: DeliveredFile) -> tuple[str, str] | None:
    """Decode a whole file: its path and what keeps it from being read, or None."""
    try:
        _read_all(feed, f"from ({typed_select(feed.table, [file], feed.zone)})")
    except duckdb.OutOfMemoryException:
        raise  # no fault of a file
    except duckdb.Error as error:
        return file.path, what_is_broken(file, error)
    return None


def _unknown_columns(feed: Feed, files: list[DeliveredFile]) -> list[str]:
    seen: dict[str, list[str]] = {}
    for file in files:
        for name in file.unknown_columns(feed.table):
            seen.setdefault(name, []).append(file.path)
    return [
        f"table {feed.table.name}, column {name or '(no name)'}: is not in the contract; "
        f"it is ignored (in {len(paths)} of {len(files)} files, such as {paths[0]})"
        for name, paths in sorted(seen.items())
    ]


def unreadable_values(feed: Feed, files: list[DeliveredFile]) -> list[str]:
    """Name what was unreadable in CSV files; stop if a column of a file has no readable value.

    One value alone proves nothing about the column, so it never stops the run.
    """
    if not any(file.is_csv for file in files):
        return []
    landed = feed.connection.sql(f"from raw.{feed.table.name}")
    unreadable = landed.filter("_unreadable_columns is not null")
    names = "unnest(string_split(_unreadable_columns, ',')) as name"
    by_name = unreadable.project(f"_file, {names}").aggregate("_file, name, count(*)")
    found = by_name.order("_file, name").fetchall()
    types = {column.name: column.type for column in feed.table.columns}
    warnings = []
    for path, name, count in found:
        readable = landed.filter(f"_file = {text(path)}").count(name).fetchone()
        if count > 1 and readable == (0,):
            raise feed.fault(path, f"no value can be read as {types[name]}; correct it", name)
        warnings.append(
            f"table {feed.table.name}, file {path}, column {name}: {count:,} unreadable as "
            f"{types[name]}; such rows are quarantined"
        )
    return warnings


def _land_policy(policy: Path, connection: duckdb.DuckDBPyConnection) -> None:
    relation = connection.read_csv(str(policy), header=True, all_varchar=True, sep=",")
    relation.create("raw.product_policy")


def _require_known_products(run: Run, policy: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Every product in the newest rows by the cut-off has its row in the policy."""
    for table, key in (("accounts", "account_id"), ("consents", "consent_event_id")):
        recorded = connection.sql(
            f"select product_code from raw.{table} where recorded_at <= timestamp '{run.as_of}' "
            f"qualify recorded_at = max(recorded_at) over (partition by {key})"
        )
        unknown = (
            recorded.join(connection.sql("from raw.product_policy"), "product_code", how="anti")
            .filter("product_code is not null")
            .aggregate("product_code")
            .order("product_code")
            .fetchmany(NAMED)
        )
        # what does not look like a code may be a person's
        codes = ", ".join(
            code if re.fullmatch(A_CODE, code) else "a value that is no code" for (code,) in unknown
        )
        if codes:
            raise BrokenDelivery(
                f"table {table}, column product_code: {codes} not in the product policy "
                f"{policy}; add its row there or correct the feed"
            )
