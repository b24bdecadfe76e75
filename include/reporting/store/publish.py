"""The published tables: Parquet by report month, and a small database of views that analysts open.

A month's table is one Parquet file, written aside and renamed. A build is a hidden folder with a
hard link to every table's file of every month; it never changes. The database shows one build; it
is written aside and renamed last, and the previous build is kept until the next one. So a reader
sees all tables of one build and never waits for a run. While a month's files are replaced one by
one, a mark file stands beside them. If a run is killed meanwhile the mark stays, and later months
refuse to build on a mixture of two builds.
"""

import logging
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal, new_database, parquet_rows
from reporting.core.errors import BadCall, DataNotFit, ReportingError
from reporting.core.run import Run, next_month, previous_month
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive

log = logging.getLogger(__name__)

PART = "data.parquet"
BUILDS = ".builds"  # of the published tables, one folder each
UNFINISHED = ".{}.unfinished"  # the mark of a month that is being published
GROUP = 40_960  # rows that are read for one id: tables are sorted by it, and a month is one file

# Published table -> the columns that sort it; each stands in schema marts of the build store.
TABLES = {
    "reportable_population": "account_id",
    "repayment_status": "account_id",
    "connected_groups": "product_code, group_kind, group_value",
    "internal_score_feed": "account_id",
    "notices_due": "account_id, episode_started_on",
    "submission_records": "record_type, subject_id, report_date, reporter_code",
    "accounts_known": "account_id, reporter_code, last_report_date, state",
    "repayment_history": "account_id",
    "months_owed": "account_id, owed_month",
    "repair_queue": "record_id, rule_id",
    "feed_counts": "table_name",
    "quarantined_rows": "table_name, row_key, recorded_at, rule_id, account_id, source_file",
    "batch_figures": "figure, scope",
    "data_quality_results": "layer, table_name, check_id",
    "built_months": "report_month",
}

# Views of the database that are not simply the union of the months.
VIEWS = {
    "quarantined_rows": """
        select seen.*, min(built.as_of) as healed_as_of  -- first month that does not quarantine it
        from (
            select table_name, row_key, account_id, customer_id, source_file, rule_id, reason,
                recorded_at,
                min(seen_as_of) as first_seen, max(seen_as_of) as last_seen
            from {source}
            group by all
        ) as seen
        left join {built_months} as built on built.as_of > seen.last_seen
        group by all
    """,
}


@dataclass(frozen=True)
class BuiltMonth:
    """A built month: its cut-off, its run id, and the build of the month before that it uses."""

    month: date
    as_of: datetime
    run_id: str
    built_on: str | None  # run id of the month before; none in the first month


def partition(settings: Settings, table: str, month: date) -> Path:
    """Folder of one month of a published table."""
    return settings.published / table / f"report_month={month.isoformat()}"


def published_files(settings: Settings, table: str) -> list[Path]:
    """The Parquet files of a published table, oldest month first."""
    return sorted((settings.published / table).glob(f"report_month=*/{PART}"))


def built_months(settings: Settings) -> list[BuiltMonth]:
    """The months that are built, oldest first."""
    files = published_files(settings, "built_months")
    if not files:
        return []
    try:
        with duckdb.connect() as connection:
            rows = connection.execute(
                "select report_month, as_of, run_id, built_on "
                "from read_parquet(?, hive_partitioning = false) order by report_month",
                [[str(path) for path in files]],
            ).fetchall()
    except duckdb.InvalidInputException:
        raise DataNotFit(
            f"a file below {files[0].parent.parent} is damaged; restore it, or run its month and "
            "every later one again"
        ) from None
    return [BuiltMonth(*row) for row in rows]


def key_checks(settings: Settings) -> set[str]:
    """The check values of the hash keys that the built months were made with, mostly one."""
    with duckdb.connect() as connection:
        months = (
            connection.read_parquet(str(path), hive_partitioning=False)
            for path in published_files(settings, "built_months")
        )
        return {
            check
            for month in months
            if "key_check" in month.columns  # else of an older version
            for (check,) in month.select("key_check").fetchall()
        }


def months_shown(connection: duckdb.DuckDBPyConnection) -> list[BuiltMonth]:
    """The built months that a connection to the published database shows, oldest first."""
    try:
        rows = connection.execute(
            "select report_month, as_of, run_id, built_on "
            "from marts.built_months order by report_month"
        ).fetchall()
    except duckdb.CatalogException:  # nothing but checks is published
        return []
    return [BuiltMonth(*row) for row in rows]


def run_of(month: str, as_of: str | None, settings: Settings) -> Run:
    """The run of a month. Without a cut-off: the later of the usual one and that of the last build.

    So a rebuild never loses rows that its month already used; the log says when the later one is
    kept. Raises BadCall for an invalid month or cut-off, DataNotFit if a published file is damaged.
    """
    run = Run.of(month, as_of, settings)
    if as_of:
        return run
    known = max(
        (one.as_of for one in built_months(settings) if one.month == run.month), default=run.as_of
    )
    if known > run.as_of:
        log.warning(
            "%s: the cut-off of its last build, %s, is kept: it is later than the usual one",
            *(run.label, known.isoformat()),
        )
        return Run(run.month, known)
    return run


def require_order(run: Run, settings: Settings) -> None:
    """Refuse a month after a gap or a stale month, or with an earlier cut-off than those before."""
    built = built_months(settings)
    _require_finished(run, settings)
    _require_later_cut_off(run, built)
    earlier = [entry.month for entry in built if entry.month < run.month]
    missing = next_month(max(earlier, default=previous_month(run.month)))
    if missing < run.month:
        raise BadCall(
            f"month {run.label} cannot be built before {missing:%Y-%m}: "
            f"run `reporting run --month {missing:%Y-%m}` first"
        )
    for month in stale_months(built):
        if month < run.month:
            raise BadCall(
                f"month {month:%Y-%m} was built on an earlier build of the month before it; "
                f"run `reporting run --month {month:%Y-%m}` again first"
            )


def _require_later_cut_off(run: Run, built: list[BuiltMonth]) -> None:
    """Refuse a cut-off before that of the month before: rows that it used would be lost."""
    for before in built:
        if before.month == previous_month(run.month) and run.as_of < before.as_of:
            raise BadCall(
                f"month {run.label}: its cut-off {run.as_of.isoformat()} lies before that of the "
                f"month before, {before.as_of.isoformat()}, which would lose what is known since; "
                f"give --as-of {before.as_of.isoformat()} or later"
            )


def unfinished_months(settings: Settings) -> list[str]:
    """The months (YYYY-MM) whose run was stopped while it replaced their files."""
    marks = settings.published.glob(UNFINISHED.format("*"))
    return sorted(path.name.removeprefix(".").partition(".")[0] for path in marks)


def _require_finished(run: Run, settings: Settings) -> None:
    for label in unfinished_months(settings):
        if label < run.label:
            raise BadCall(
                f"month {label} was stopped while it was published, so that its files may be of "
                f"two builds; run `reporting run --month {label}` again first"
            )


def stale_months(built: list[BuiltMonth]) -> list[date]:
    """Months whose month before was built again after them."""
    return [
        later.month
        for earlier, later in pairwise(built)
        if earlier.month == previous_month(later.month) and later.built_on != earlier.run_id
    ]


def require_unchanged_history(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Refuse to publish a month if an earlier month was built (again) in the meantime."""
    _require_finished(run, settings)
    landed = connection.execute("select as_of from marts.built_months").fetchall()
    if landed != [(run.as_of,)]:
        raise BadCall(
            f"month {run.label} was landed at another cut-off than {run.as_of.isoformat()}; "
            "run all its steps at one cut-off"
        )
    seen = connection.execute("from history.built_months order by all")
    if seen.fetchall() != earlier_months(run, settings):
        raise BadCall(
            f"month {run.label} was built on earlier months that have changed since; "
            f"run `reporting run --month {run.label}` again, one month at a time"
        )


def earlier_months(run: Run, settings: Settings) -> list[tuple[date, str, datetime]]:
    """Month, run id and cut-off of each month that is built and earlier than the run's."""
    return [(b.month, b.run_id, b.as_of) for b in built_months(settings) if b.month < run.month]


@contextmanager
def in_one_piece(run: Run, settings: Settings) -> Iterator[None]:
    """Mark the month while its files are replaced; the mark stays if that is not finished."""
    settings.published.mkdir(parents=True, exist_ok=True)
    mark = settings.published / UNFINISHED.format(run.label)
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


def publish(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    tables: tuple[str, ...] = tuple(TABLES),
) -> Path:
    """Publish tables of the month from the build store; returns the database's path."""
    for table in tables:
        folder = partition(settings, table, run.month)
        folder.mkdir(parents=True, exist_ok=True)
        # earlier months in scope keep the rows they were published with; sorted, so that equal runs
        # give equal bytes
        with atomic.replaced(folder / PART) as aside:
            connection.execute(
                f"copy (select * from marts.{table} where report_month = date '{run.month}' "
                f"order by {TABLES[table]}) "
                f"to {literal(aside)} (format parquet, compression zstd, row_group_size {GROUP})"
            )
    return build_database(settings)


def build_database(settings: Settings) -> Path:
    """Publish the current files as one build: first its links, then the database over them.

    The previous build is kept for readers who have it open.
    """
    builds = settings.published / BUILDS
    builds.mkdir(exist_ok=True)
    before = _shown_build(settings)
    numbers = [int(folder.name.partition("-")[0]) for folder in builds.glob("[0-9]*-*")]
    # a number could repeat in a home folder that was created again in the same place
    build = f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"
    (builds / build).mkdir()
    for table in TABLES:
        for path in published_files(settings, table):
            month = path.parent.name.removeprefix("report_month=")
            _link(path, builds / build / f"{table}.{month}.parquet")
    atomic.sync_folder(builds / build)
    _write_database(settings, build)
    if before is not None:  # else readers may still have a build open that is not known now
        for folder in builds.glob("[0-9]*-*"):
            if folder.name not in (before, build):
                atomic.remove(folder)
    return settings.published_database


def _link(path: Path, name: Path) -> None:
    """Make a hard link to a file, or a copy if the file system has no hard links."""
    try:
        name.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, name)
        atomic.sync(name)


def _write_database(settings: Settings, build: str) -> None:
    with new_database(settings.published_database) as connection:
        _create_views(connection, settings, build)


def _create_views(connection: duckdb.DuckDBPyConnection, settings: Settings, build: str) -> None:
    """A view of every table that is published in a build, over all its months."""
    sources = {table: _every_month(settings, build, table) for table in TABLES}
    connection.execute("create schema marts")
    for table, source in sources.items():
        if source is not None:
            view = VIEWS.get(table, "select * from {source}")
            query = view.format(source=source, built_months=sources["built_months"])
            connection.execute(f"create view marts.{table} as {query}")


def _every_month(settings: Settings, build: str, table: str) -> str | None:
    """A published table over all its months as a SQL source; None where no month has it."""
    files = sorted((settings.published / BUILDS / build).glob(f"{table}.*.parquet"))
    return parquet_rows(*files) if files else None


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published database; BadCall if nothing is published yet.

    After the home folder was copied or moved, its database still names the files of the old place.
    It is then written again first, or only made in memory if the home folder is not writable.
    """
    database = settings.published_database
    if not database.is_file():
        raise BadCall(
            f"nothing is published in {settings.published}: "
            "run `reporting run --month YYYY-MM` first, "
            "or set REPORTING_HOME to the folder that holds it"
        )
    connection = duckdb.connect(str(database), read_only=True)
    if is_of_this_place(connection, settings):
        return connection
    build = _build_of(_queries(connection))
    connection.close()
    return _opened_elsewhere(settings, build)


def is_of_this_place(connection: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Whether the views over published files read those of this home folder alone."""
    published = literal(f"{settings.published}/")[:-1]  # the beginning of a path
    return all(published in query for query in _queries(connection))


def _opened_elsewhere(settings: Settings, build: str | None) -> duckdb.DuckDBPyConnection:
    is_here = build is not None and (settings.published / BUILDS / build).is_dir()
    try:
        with exclusive(settings):
            if build and is_here:
                _write_database(settings, build)
            else:  # of an older version, or copied without hidden folders
                build_database(settings)
    except (ReportingError, OSError, duckdb.Error) as error:
        if not (build and is_here):
            raise DataNotFit(
                f"{settings.published_database} shows the files of another folder and cannot be "
                f"made again now; let {settings.home.resolve()} be written and read it again"
            ) from error
        connection = duckdb.connect()
        _create_views(connection, settings, build)
        return connection
    return duckdb.connect(str(settings.published_database), read_only=True)


def _shown_build(settings: Settings) -> str | None:
    """The build that the database shows; None if there is none, or it cannot be opened."""
    try:
        with duckdb.connect(str(settings.published_database), read_only=True) as connection:
            return _build_of(_queries(connection))
    except duckdb.Error:
        return None


def _queries(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The queries of the views that read published files."""
    views = connection.execute(
        "select sql from duckdb_views() where schema_name in ('marts', 'history') "
        "and contains(sql, 'read_parquet(')"
    )
    return [query for (query,) in views.fetchall()]


def _build_of(queries: list[str]) -> str | None:
    found = re.search(rf"/{re.escape(BUILDS)}/([^/']+)/", " ".join(queries))
    return found[1] if found else None
