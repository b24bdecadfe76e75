"""The landing check: require that the feeds are whole, and create the month's schema ``raw``.

A broken structure stops the run here with one line. A single bad value does not: staging
quarantines its row (contracts, section 1 "Landing" and "Conventions").
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from reporting.core import safe_text
from reporting.core.database import apply_limits, literal, new_database
from reporting.core.errors import BrokenDelivery, ReportingError
from reporting.core.product_policy import read_policy
from reporting.core.raw_contract import RawTable, control_totals, raw_contract
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import landing_copies, private_folder
from reporting.landing.compressed import require_whole
from reporting.landing.control_totals import compare
from reporting.landing.files import DeliveredFile, Feed, inspect, inspect_all, require_plausible
from reporting.landing.select_sql import empty_select, typed_select, what_is_broken
from reporting.landing.texts import Untidy, find_untidy, null_words
from reporting.landing.zone import FileState, LandingZone

MOST_PRODUCTS = 5  # unknown products in one message
A_CODE = r"[A-Za-z][A-Za-z0-9_]{0,39}"


@dataclass(frozen=True)
class LandedTable:
    """A feed as delivered: the SHA-256 of its files by path below the landing zone, and its rows.

    ``untidy``: the columns of each file whose texts are trimmed when they are read.
    """

    name: str
    contents: Mapping[str, str]
    states: Mapping[str, FileState]
    untidy: Mapping[str, Untidy]
    rows: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LandingReport:
    """The result of the landing check; ``control`` is the optional feed of control totals."""

    tables: tuple[LandedTable, ...]
    control: LandedTable
    warnings: tuple[str, ...]

    @property
    def contents(self) -> dict[str, str]:
        """SHA-256 of every file with rows of the month's feeds."""
        return dict(pair for table in self.tables for pair in table.contents.items())

    @property
    def hashed(self) -> dict[str, str]:
        """SHA-256 of every file that was read, control totals included."""
        return self.contents | dict(self.control.contents)

    @property
    def states(self) -> dict[str, FileState]:
        """The state of every file before it was hashed."""
        tables = (*self.tables, self.control)
        return dict(pair for table in tables for pair in table.states.items())

    @property
    def untidy(self) -> dict[str, Untidy]:
        """The columns of each file whose texts are trimmed."""
        return dict(pair for table in self.tables for pair in table.untidy.items())

    @property
    def input_digest(self) -> str:
        """SHA-256 over the sorted pairs of path and digest."""
        pairs = "".join(f"{path}\0{digest}\n" for path, digest in sorted(self.hashed.items()))
        return hashlib.sha256(pairs.encode()).hexdigest()

    def lines(self) -> list[str]:
        """One line per feed, then the warnings."""
        feeds = [f"{t.name}: {t.rows:,} rows in {len(t.contents):,} files" for t in self.tables]
        return [*feeds, *(f"warning: {warning}" for warning in self.warnings)]


def land_feeds(
    run: Run,
    settings: Settings,
    known: Mapping[tuple[str, str], Untidy] | None = None,
    only: Iterable[str] | None = None,
) -> LandingReport:
    """Check the landing zone and create the month's build store with schema ``raw``.

    ``raw`` holds one view or table per feed with every delivered row, and ``product_policy``, the
    policy in force. ``known``: by path and digest, the files whose texts an earlier month has
    inspected. ``only``: the files that count as delivered, where not all do. Raises BadCall for a
    wrong setting or policy, BrokenDelivery for feeds that are missing or have a broken structure;
    the month then has no build store. A damaged page of a Parquet file is only found by the step
    that first reads it (``blame_damaged_file``).
    """
    policy = read_policy(settings)
    zone = LandingZone.of(settings.landing, only, landing_copies(settings))
    with blame_damaged_file(settings), _fresh_build_store(run, settings) as connection:
        connection.execute("create schema raw")
        feeds = [Feed(table, zone, connection) for table in raw_contract()]
        tables = tuple(_land_feed(feed, known or {}) for feed in feeds)
        control = _land_feed(Feed(control_totals(), zone, connection), {})
        delivered = {table.name: table.contents for table in (*tables, control)}
        warnings = compare(connection, delivered, run.as_of)
        _land_policy(policy, connection)
        _require_known_products(run, policy, connection)
    landed = (*tables, control)
    stray = zone.strays([table.name for table in landed])
    warnings += [f"{found} is no raw table; it is ignored" for found in stray]
    warnings += [warning for table in landed for warning in table.warnings]
    return LandingReport(tables, control, tuple(warnings))


@contextmanager
def _fresh_build_store(run: Run, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new store, put in place only if the landing check succeeds."""
    store = run.build_store(settings)
    for folder in (settings.work, store.parent):
        private_folder(folder)
    for path in (store, store.with_name(f"{store.name}.wal")):
        path.unlink(missing_ok=True)
    # private and short-lived: it may use what only this version of DuckDB reads
    newest = {"storage_compatibility_version": "latest"}
    with new_database(store, newest) as connection:
        connection.execute("set autoinstall_known_extensions = false")
        apply_limits(connection, settings)
        yield connection


def _land_feed(feed: Feed, known: Mapping[tuple[str, str], Untidy]) -> LandedTable:
    """Land one feed and record the digests of its files."""
    paths = delivered_files(feed.table, feed.zone)
    # their state first, so that a change meanwhile is detected
    states = {path: state for path, state in feed.zone.states(paths).items() if state}
    for path in set(paths) - set(states):
        raise feed.fault(path, "was removed while it was read; deliver it again")
    with feed.zone.at_hand(paths):
        return _land_files(feed, paths, states, known)


def _land_files(
    feed: Feed,
    paths: list[str],
    states: Mapping[str, FileState],
    known: Mapping[tuple[str, str], Untidy],
) -> LandedTable:
    files = inspect_all(feed, paths)
    for file in files:
        if file.size != states[file.path].size:
            raise feed.fault(file.path, "was changed while it was read; run the month again")
    require_plausible(feed, files)
    contents = _hashed(feed, paths)
    require_whole(feed, files)
    seen = {path: known[path, sha] for path, sha in contents.items() if (path, sha) in known}
    with _blame_file_of_feed(feed, files):
        untidy = find_untidy(feed, files, seen)
        files = [replace(file, untidy=frozenset(untidy[file.path])) for file in files]
        rows = _create(feed, files)
    require_rows(feed, rows)
    warnings = _unknown_columns(feed, files) + unreadable_values(feed, files)
    warnings += null_words(feed, untidy)
    return LandedTable(feed.table.name, contents, states, untidy, rows, tuple(warnings))


def _hashed(feed: Feed, paths: list[str]) -> dict[str, str]:
    """SHA-256 of each file."""
    try:
        return feed.zone.contents(paths)
    except OSError as error:
        raise BrokenDelivery(
            f"table {feed.table.name}: file {error.filename} cannot be read ({error.strerror}); "
            "deliver it again"
        ) from None


def delivered_files(table: RawTable, zone: LandingZone) -> list[str]:
    """The files of a feed; BrokenDelivery if a required feed has none or a file is unreadable."""
    paths = zone.files(table.name)
    if table.is_required and not paths:
        raise BrokenDelivery(
            f"table {table.name}: no Parquet or CSV file under {zone.shown}{table.name}; "
            "deliver the feed"
        )
    return paths


def require_rows(feed: Feed, rows: int) -> None:
    """Raise BrokenDelivery if all files of a required feed are empty."""
    name = feed.table.name
    if feed.table.is_required and not rows:
        raise BrokenDelivery(
            f"table {name}: the files under {feed.zone.shown}{name} hold no row; deliver the feed"
        )


def _is_read_once(feed: Feed, files: list[DeliveredFile]) -> bool:
    """Whether a feed is copied when it is landed: only local Parquet is read in place."""
    return not feed.zone.is_local or any(file.is_csv for file in files)


def _create(feed: Feed, files: list[DeliveredFile]) -> int:
    """Create the feed in schema raw; return its number of rows."""
    name = feed.table.name
    select = typed_select(feed.table, files, feed.zone) if files else empty_select(feed.table)
    kind = "table" if _is_read_once(feed, files) else "view"
    feed.connection.execute(f"create {kind} raw.{name} as {select}")
    [(rows,)] = feed.connection.execute(f"select count(*) from raw.{name}").fetchall()
    return int(rows)


# DuckDB errors about a query, a limit or a value; a page that cannot be decoded raises others
NO_DAMAGE = (
    *(duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException),
    *(duckdb.OutOfMemoryException, duckdb.InterruptException),
    *(duckdb.ConstraintException, duckdb.ConversionException, duckdb.OutOfRangeException),
)


def _may_be_damage(error: duckdb.Error | ReportingError) -> bool:
    """Whether an error can come from a file that cannot be decoded."""
    if isinstance(error, ReportingError):
        return error.may_be_damage
    return not isinstance(error, NO_DAMAGE) and not safe_text.of_lack(error)


@contextmanager
def blame_damaged_file(settings: Settings) -> Iterator[None]:
    """Replace a decode error of the block by one that names the damaged file.

    After such an error it reads all local Parquet feeds, the only feeds that later steps read in
    place. Raises BrokenDelivery instead of the block's error.
    """
    try:
        yield
    except (duckdb.Error, ReportingError) as error:
        if _may_be_damage(error):
            _require_readable(settings)
        raise


def _require_readable(settings: Settings) -> None:
    zone = LandingZone.of(settings.landing)
    if not zone.is_local:
        return
    with duckdb.connect() as connection:
        apply_limits(connection, settings)
        for feed in (Feed(table, zone, connection) for table in raw_contract()):
            files = [inspect(feed, path) for path in delivered_files(feed.table, feed.zone)]
            if not _is_read_once(feed, files):
                _require_decoded(feed, files)


@contextmanager
def _blame_file_of_feed(feed: Feed, files: list[DeliveredFile]) -> Iterator[None]:
    """Replace a decode error of the block by one that names the damaged file of this feed."""
    try:
        yield
    except duckdb.Error as error:
        if _may_be_damage(error):
            _require_decoded(feed, files)
        raise


def _require_decoded(feed: Feed, files: list[DeliveredFile]) -> None:
    for file in files:
        if found := broken(feed, file):
            raise feed.fault(*found)


def _read_all(feed: Feed, source: str) -> None:
    """Decode every value."""
    columns = ", ".join(feed.table.column_names)
    feed.connection.execute(f"select bit_xor(hash({columns})) {source}").fetchall()


def broken(feed: Feed, file: DeliveredFile) -> tuple[str, str] | None:
    """Decode a whole file; returns its path and why it cannot be read, or None."""
    try:
        _read_all(feed, f"from ({typed_select(feed.table, [file], feed.zone)})")
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException) or safe_text.of_lack(error):
            raise  # no fault of a file
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
    """Warn of unreadable values in CSV files; stop if a column of a file has no readable value.

    A column with one value never stops the run, since one value proves nothing about the column.
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
        readable = landed.filter(f"_file = {literal(path)}").count(name).fetchall()
        if count > 1 and readable == [(0,)]:
            raise feed.fault(path, f"no value can be read as {types[name]}; correct it", name)
        warnings.append(
            f"table {feed.table.name}, file {path}, column {name}: {count:,} unreadable as "
            f"{types[name]}; such rows are quarantined"
        )
    return warnings


def _land_policy(policy: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Create ``raw.product_policy`` from the validated file, whatever ends its lines."""
    with policy.open(encoding="utf-8-sig", newline="") as file:
        columns, *rows = csv.reader(file, strict=True)
    named = ", ".join(f"{column} varchar" for column in columns)
    connection.execute(f"create table raw.product_policy ({named})")
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"insert into raw.product_policy values ({marks})", rows)


def _require_known_products(run: Run, policy: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Require a row in the policy for every product in the newest rows by the cut-off."""
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
            .limit(MOST_PRODUCTS)
            .fetchall()
        )
        # what does not look like a code may be a person's
        codes = ", ".join(
            code if re.fullmatch(A_CODE, code) else "a value that is no code" for (code,) in unknown
        )
        if codes:
            raise BrokenDelivery(
                f"table {table}, column product_code: not in the product policy {policy}: {codes}; "
                "add its row there or correct the feed"
            )
