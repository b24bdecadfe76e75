"""The published tables: Parquet by report month, and a small database of views that analysts open.

A month's table is one Parquet file that is written aside and renamed; the database lists the files
of the months that are published, is built aside too and renamed last. So a reader sees a table
whole or not at all, and never waits for a run. While a month's files are replaced one by one a mark
stands beside them; where a run was killed meanwhile it stays, and no later month goes on from two
halves.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import duckdb

from reporting.errors import BadCall, DataNotFit
from reporting.run import Run, next_month, previous_month
from reporting.settings import Settings

log = logging.getLogger(__name__)

PART = "data.parquet"
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

# What the database shows where it is not simply the union of the months.
VIEWS = {
    "quarantined_rows": """
        select seen.*, min(built.as_of) as healed_as_of  -- the first month that rejects it no more
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
    """A month whose records are built: at which cut-off, and on which build before it."""

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


def run_of(month: str, as_of: str | None, settings: Settings) -> Run:
    """The run of a month. Without a cut-off, the later of the usual one and that of the last build.

    So a rebuild never forgets what its month already knew; the log says where that is so. Raises
    BadCall for a month or cut-off that is none, DataNotFit where a published file is damaged.
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
    """Refuse a month after a gap, with a cut-off that goes back, or on a build that is gone."""
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
    """A cut-off before that of the month before would lose what that month knew."""
    for before in built:
        if before.month == previous_month(run.month) and run.as_of < before.as_of:
            raise BadCall(
                f"month {run.label}: its cut-off {run.as_of.isoformat()} lies before that of the "
                f"month before, {before.as_of.isoformat()}, which would lose what is known since; "
                f"give --as-of {before.as_of.isoformat()} or later"
            )


def unfinished_months(settings: Settings) -> list[str]:
    """The months (YYYY-MM) of which a run was stopped while it replaced their files."""
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
    """Months that do not rest on the month before as it is now: it was built (again) later."""
    return [
        later.month
        for earlier, later in pairwise(built)
        if earlier.month == previous_month(later.month) and later.built_on != earlier.run_id
    ]


def require_unchanged_history(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Refuse to publish a month whose earlier months were built (again) meanwhile."""
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
    """Mark the month while its files are replaced; the mark stays where that is not finished."""
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
        aside = folder / f".{PART}"
        # earlier months that were read anew stay as they were published; sorted, so that equal runs
        # give equal bytes
        connection.execute(
            f"copy (select * from marts.{table} where report_month = date '{run.month}' "
            f"order by {TABLES[table]}) "
            f"to '{_quoted(aside)}' (format parquet, compression zstd, row_group_size {GROUP})"
        )
        aside.rename(folder / PART)
    return build_database(settings)


def build_database(settings: Settings) -> Path:
    """Build the database of views over everything published, aside, and put it in place.

    It is on the disk whole before it takes its place. What a program that opened the one before for
    writing left beside it (its write-ahead log) goes with that one: no other file could read it.
    """
    aside = settings.published / ".reporting.duckdb"
    for left in (aside, _log_of(aside)):
        left.unlink(missing_ok=True)
    sources = {table: _every_month(settings, table) for table in TABLES}
    with duckdb.connect(str(aside)) as connection:
        connection.execute("create schema marts")
        for table, source in sources.items():
            if source is not None:
                view = VIEWS.get(table, "select * from {source}")
                query = view.format(source=source, built_months=sources["built_months"])
                connection.execute(f"create view marts.{table} as {query}")
        connection.execute("checkpoint")  # a full disk shows here; closing alone would hide it
    with duckdb.connect(str(aside), read_only=True) as connection:
        connection.execute("select count(*) from duckdb_views()").fetchall()
    _log_of(settings.published_database).unlink(missing_ok=True)
    aside.rename(settings.published_database)
    return settings.published_database


def _log_of(database: Path) -> Path:
    """The write-ahead log that DuckDB keeps beside a database that is open for writing."""
    return database.with_name(f"{database.name}.wal")


def _every_month(settings: Settings, table: str) -> str | None:
    """A published table over all its months as a SQL source; None where no month has it."""
    files = published_files(settings, table)
    listed = ", ".join(f"'{_quoted(path)}'" for path in files)
    return (
        f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
        if files
        else None
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published database; BadCall where nothing is published yet."""
    if not settings.published_database.is_file():
        raise BadCall(
            f"nothing is published in {settings.published}: "
            "run `reporting run --month YYYY-MM` first, "
            "or set REPORTING_HOME to the folder that holds it"
        )
    return duckdb.connect(str(settings.published_database), read_only=True)
