"""The published database: a small file that analysts open, of views and a few small tables.

The published tables of one moment are a build: a hidden folder with a hard link to every table's
file of every month; it never changes. The database shows one build; it is written aside and renamed
last, and the previous build is kept until the next one. So a reader sees all tables of one build
and never waits for a run.
"""

import hashlib
import logging
import re
import secrets
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import duckdb

from reporting.core import atomic, safe_text
from reporting.core.database import apply_limits, attached, literal, new_database, parquet_rows
from reporting.core.errors import BadCall, DataNotFit, ReportingError
from reporting.core.run import OWN_PART, Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.store import dictionary
from reporting.store.published import (
    BUILDS,
    OF_NEWEST_RUN,
    OF_OWN_RUNS,
    TABLES,
    BuiltRun,
    frozen_journal,
    published_files,
    unfinished_own_runs,
)
from reporting.store.submission_ledger import batches, show_events

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


# Scripts of views over runs and answers -> the published tables that they read.
_STORE = Path(__file__).parent
_OF_A_RUN = ("submission_records", "built_months", "months_owed", "repair_queue")
VIEWS_OF_RUNS = {
    _STORE / "submission_views.sql": ("reportable_population", *_OF_A_RUN),
    _STORE / "reconciliation_views.sql": ("reconciliation", *_OF_A_RUN),
}
# Views of these scripts over the table of that name.
SHOWN_BY = {
    _STORE / "submission_views.sql": ("submission_records", "repair_queue", "runs"),
    _STORE / "reconciliation_views.sql": ("reconciliation",),
}


# Whether an event that the database lacks changes the state of a record: a decision or delivery
# does not.
CHANGES_RECORDS = """
    select count(*) > 0
    from ledger.marts.submission_events
    where
        batch > (select batch from submission.ledger_head)
        and event not in ('APPROVED', 'DECLINED', 'DELIVERED')
"""
# Tables of the schema submission that such an event may change. The view of the same name with
# "_now" says what each holds. In this order: the repair queue reads the rejected records.
OF_RECORDS = ("rejected_records", "repair_queue", "reconciliation")


ALERT_EVENTS = {
    "happened_at": "TIMESTAMP",
    "event": "VARCHAR",
    "month": "VARCHAR",
    "finding": "VARCHAR",
    "audience": "VARCHAR",
    "severity": "VARCHAR",
    "reached": "VARCHAR",
    "actor": "VARCHAR",
    "taken_by": "VARCHAR",
    "note": "VARCHAR",
}


log = logging.getLogger(__name__)

# What the engine says of a damaged file.
DAMAGE = ("not a valid DuckDB database file", "Corrupt database file", "Could not read enough")


def build_database(settings: Settings, published: Run | None = None) -> Path:
    """Publish the current files as one build: first its links, then the database over them.

    A month whose own run was stopped while it was published stays as the build before shows it;
    ``published`` is the run that ends its publication with this call.

    The previous build is kept for readers who have it open. Where only the ledger has changed, as
    by an approval, the build stays, and a copy of the database gets the new events.
    """
    builds = settings.published / BUILDS
    builds.mkdir(exist_ok=True)
    before = _shown_build(settings)
    files = _files_to_publish(settings)
    _keep_stopped_months(files, builds / before if before else None, published, settings)
    try:
        if before is not None and _shows_all_but_events(settings, files, builds / before):
            _write_events(settings)
            return settings.published_database
    except duckdb.Error as fault:  # damaged, or changed by a user
        log.warning("the published database is written anew: %s", type(fault).__name__)
    numbers = [int(folder.name.partition("-")[0]) for folder in builds.glob("[0-9]*-*")]
    # a number could repeat in a home folder that was created again in the same place
    build = f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"
    (builds / build).mkdir()
    for name, path in files.items():
        _link(path, builds / build / name)
    atomic.sync_folder(builds / build)
    _write_database(settings, build)
    if before is not None:  # else readers may still have a build open that is not known now
        for folder in builds.glob("[0-9]*-*"):
            if folder.name not in (before, build):
                atomic.remove(folder)
    return settings.published_database


def _files_to_publish(settings: Settings) -> dict[str, Path]:
    """The files of a build by the names of their links."""
    # a supplement that was killed while it was published has no file of its run
    whole = {(path.parent.name, path.name) for path in published_files(settings, "runs")}
    return {
        _link_name(table, path): (
            frozen_journal(settings, path) if table == "submission_records" else path
        )
        for table in TABLES
        for path in published_files(settings, table)
        if path.name == OWN_PART or (path.parent.name, path.name) in whole
    }


def _keep_stopped_months(
    files: dict[str, Path], before: Path | None, published: Run | None, settings: Settings
) -> None:
    """Take the files of months that were stopped so from the build before.

    But for the results of checks, which say why a month stops when it is run again.
    """
    for label in unfinished_own_runs(settings):
        if published and published.label == label:
            continue
        own = f".{label}-01.{OWN_PART}"
        checks = f"data_quality_results{own}"
        for name in [name for name in files if name.endswith(own) and name != checks]:
            del files[name]
        shown = before.glob(f"*{own}") if before else ()
        files |= {link.name: link for link in shown if link.name != checks}


def _shows_all_but_events(settings: Settings, files: dict[str, Path], build: Path) -> bool:
    """Whether the database differs from what would be written by events of the ledger alone."""
    if {path.name for path in build.glob("*")} != set(files):
        return False
    if not all(_is_same(path, build / name) for name, path in files.items()):
        return False
    with duckdb.connect(str(settings.published_database), read_only=True) as connection:
        return (
            is_of_this_place(connection, settings)
            and is_of_this_version(connection)
            and connection.execute("select choices from submission.layout").fetchall()
            == [(_choices_digest(settings),)]
        )


def _is_same(path: Path, link: Path) -> bool:
    """Whether a link of a build is of this file, or of the one that both were copied from."""
    one, other = path.stat(), link.stat()
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _write_events(settings: Settings) -> None:
    """Write the database again with the events that the ledger has now, all else as it stands."""
    database = settings.published_database
    with new_database(database, copied_from=database) as connection:
        apply_limits(connection, settings)
        (name,) = connection.execute("select current_database()").fetchall()[0]
        connection.execute("attach ':memory:' as ledger; use ledger")
        show_events(connection, batches(settings))
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'ledger'"
        ).fetchall()
        connection.execute(f'use "{name}"')
        [(changes_records,)] = connection.execute(CHANGES_RECORDS).fetchall()
        for schema, table in tables:
            _fill_again(connection, f"{schema}.{table}", f"ledger.{schema}.{table}")
        connection.execute("detach ledger")
        views = connection.execute("select view_name from duckdb_views()").fetchall()
        for table in OF_RECORDS:
            if (f"{table}_now",) in views:  # else no run is published, or only of older versions
                # one that a user dropped is an error, and all is written anew
                connection.execute(f"select 1 from submission.{table} limit 0")
                if changes_records:
                    _fill_again(connection, f"submission.{table}", f"submission.{table}_now")


def _fill_again(connection: duckdb.DuckDBPyConnection, table: str, source: str) -> None:
    """Empty a table and fill it again: it keeps its comments."""
    connection.execute(f"truncate {table}; insert into {table} from {source}")


def _link_name(table: str, path: Path) -> str:
    """The name of a file in a build: table, month and, of a supplement, its cut-off."""
    month = path.parent.name.removeprefix("report_month=")
    return f"{table}.{month}.{path.name}"


def _link(path: Path, name: Path) -> None:
    """Make a hard link to a file, or a copy if the file system has no hard links."""
    try:
        name.hardlink_to(path)
    except OSError:
        atomic.copy(path, name)
        atomic.sync(name)


def _write_database(settings: Settings, build: str) -> None:
    # its own tables are small: code lists, figures of the runs, events, what must be repaired
    with new_database(settings.published_database, {"default_block_size": "16384"}) as connection:
        apply_limits(connection, settings)
        _create_views(connection, settings, build)
        connection.execute(
            f"create table submission.layout as select '{layout_digest()}' as digest, "
            f"'{_choices_digest(settings)}' as choices"
        )


@cache
def layout_digest() -> str:
    """A hash of the code that writes the database: what another code wrote is written again."""
    names = ("published_database.py", "published.py", "submission_ledger.py", "dictionary.py")
    modules = (_STORE / name for name in names)
    scripts = sorted([*_STORE.glob("*.sql"), *dictionary.SAVED_QUERIES.glob("*.sql")])
    read = (*modules, *scripts, *dictionary.files_read())
    return hashlib.sha256(b"".join(one.read_bytes() for one in read)).hexdigest()


def _choices_digest(settings: Settings) -> str:
    """A hash of the lender's choices that stand in the database."""
    policy = settings.policy.read_bytes() if settings.policy else b""
    return hashlib.sha256(f"{settings.repair_days}\n".encode() + policy).hexdigest()


def is_outdated(settings: Settings) -> bool:
    """Whether another version of the program wrote the published database, or it is damaged."""
    try:
        with attached(settings.published_database) as connection:
            return not is_of_this_version(connection)
    except duckdb.Error as fault:
        _require_damage(fault, settings.published_database)
        return True


def is_of_this_version(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether this very version of the program wrote the database of a connection."""
    try:
        return connection.execute("select digest from submission.layout").fetchall() == [
            (layout_digest(),)
        ]
    except duckdb.CatalogException:
        return False


def _create_views(connection: duckdb.DuckDBPyConnection, settings: Settings, build: str) -> None:
    """A view of every table that is published in a build, over all its months."""
    sources = {table: _every_month(settings, build, table) for table in TABLES}
    show_events(connection, batches(settings))
    dictionary.create_code_lists(connection, settings)
    _show_alert_events(connection, settings)
    no_runs = f"(select * from {sources['built_months']} where false)"
    given = {**sources, "runs": sources["runs"] or no_runs, "repair_days": settings.repair_days}
    shown: set[str] = set()
    for script, tables in VIEWS_OF_RUNS.items():
        if all(sources[table] for table in tables):  # else there is no run, or of older versions
            connection.execute(script.read_text(encoding="utf-8").format_map(given))
            shown.update(SHOWN_BY[script])
    for table, source in sources.items():
        if source is not None and table not in shown:
            view = VIEWS.get(table, "select * from {source}")
            query = view.format(source=source, built_months=sources["built_months"])
            connection.execute(f"create view marts.{table} as {query}")
    if all(sources[table] for table in OF_OWN_RUNS):  # a whole month is published
        dictionary.create_saved_queries(connection)
    dictionary.describe(connection)


def _show_alert_events(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """A view of what happened to each alert, as of the moment in which it is read."""
    path = settings.alert_events
    columns = ", ".join(f"'{name}': '{form}'" for name, form in ALERT_EVENTS.items())
    source = (
        f"read_json({literal(path)}, format = 'newline_delimited', ignore_errors = true, "
        f"columns = {{{columns}}})"
    )
    try:  # a view needs its file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:  # the home is not writable, and nothing can have happened
        if not path.is_file():
            empty = ", ".join(f'null::{form} as "{name}"' for name, form in ALERT_EVENTS.items())
            source = f"(select {empty} where false)"
    connection.execute(
        "create view marts.alert_events as "
        f"select row_number() over () as position, * from {source} order by position"
    )


def _every_month(settings: Settings, build: str, table: str) -> str | None:
    """A published table over all its runs as a SQL source; None where no run has it.

    Of a table that says how things stand after a run, the newest run of each month is shown.
    """
    found = (settings.published / BUILDS / build).glob(f"{table}.*.parquet")
    # the own run of a month before its supplements
    files = sorted(found, key=lambda path: (_month(path), OWN_PART not in path.name, path.name))
    if table in OF_NEWEST_RUN:
        files = list({_month(path): path for path in files}.values())
    return parquet_rows(*files) if files else None


def _month(link: Path) -> str:
    return link.name.split(".")[1]


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published database; BadCall if nothing is published yet.

    After the home folder was copied or moved, its database still names the files of the old place;
    one that another version of the program wrote may lack views. It is then written anew first, or
    only made in memory if the home folder is not writable. One that is damaged is written anew.
    Raises DataNotFit where it cannot be, BadCall where another program has it open to write in it.
    """
    database = settings.published_database
    if not database.is_file():
        raise BadCall(
            f"nothing is published in {settings.published}: "
            "run `reporting run --month YYYY-MM` first, "
            "or set REPORTING_HOME to the folder that holds it"
        )
    build, is_damaged = None, False
    with ExitStack() as until_found:
        try:
            connection = until_found.enter_context(duckdb.connect(str(database), read_only=True))
            if is_of_this_place(connection, settings) and is_of_this_version(connection):
                until_found.pop_all()
                return connection
            build = _build_of(_queries(connection))
        except duckdb.Error as fault:
            _require_damage(fault, database)
            is_damaged = True
    connection = _opened_elsewhere(settings, build)
    if is_damaged:
        log.warning("%s was damaged and is written anew", database)
    return connection


def _require_damage(fault: duckdb.Error, database: Path) -> None:
    """Raise the fault again unless the file is damaged; BadCall where a program writes in it."""
    if held := re.search(r"Conflicting lock is held in (.*) \(PID (\d+)\)", str(fault)):
        raise BadCall(
            f"{database} is opened by {held[1]} (process {held[2]}), which may write in it: close "
            "it there, or open it read-only"
        ) from fault
    if not any(sign in str(fault) for sign in DAMAGE):
        raise fault


def months_shown(connection: duckdb.DuckDBPyConnection) -> list[BuiltRun]:
    """The built months that a connection to the published database shows, oldest first."""
    try:
        rows = connection.execute(
            "select report_month, as_of, run_id, built_on "
            "from marts.built_months order by report_month"
        ).fetchall()
    except duckdb.CatalogException:  # nothing but checks is published
        return []
    return [BuiltRun(*row) for row in rows]


def is_of_this_place(connection: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Whether the views over files of runs read those of this home folder alone."""
    places = (settings.published, settings.ledger, settings.alert_events.parent)
    here = [literal(f"{one}/")[:-1] for one in places]  # beginnings
    return all(any(one in query for one in here) for query in _queries(connection))


def require_file(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Raise BadCall where ``open_published`` made the database in memory, without its file."""
    if connection.execute("select current_database()").fetchall() == [("memory",)]:
        raise BadCall(
            f"{settings.published_database} is of another folder or version of the program, and "
            f"cannot be written anew now: {settings.home} is not writable, or a command works in "
            "it; try again when it has ended, or as a user who may write there"
        )


def shown_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Path]:
    """The files that the views of a connection read: those of one build, and alert events."""
    build = _build_of(_queries(connection))
    files = sorted((settings.published / BUILDS / build).glob("*.parquet")) if build else []
    return [*files, settings.alert_events]


def _opened_elsewhere(settings: Settings, build: str | None) -> duckdb.DuckDBPyConnection:
    is_here = build is not None and (settings.published / BUILDS / build).is_dir()
    try:
        with exclusive(settings):
            if build and is_here:
                _write_database(settings, build)
            else:  # of an older version, copied without hidden folders, or damaged
                if stopped := unfinished_own_runs(settings):
                    raise DataNotFit(
                        f"month {stopped[0]} was stopped while it was published and must be run "
                        "again"
                    )
                build_database(settings)
    except (ReportingError, OSError, duckdb.Error) as error:
        if not (build and is_here):
            raise DataNotFit(
                f"{settings.published_database} is damaged, or of another folder or version, and "
                f"cannot be written anew now: {safe_text.of_error(error)}"
            ) from error
        connection = duckdb.connect()
        apply_limits(connection, settings)
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
        "and (contains(sql, 'read_parquet(') or contains(sql, 'read_json('))"
    )
    return [query for (query,) in views.fetchall()]


def _build_of(queries: list[str]) -> str | None:
    found = re.search(rf"/{re.escape(BUILDS)}/([^/']+)/", " ".join(queries))
    return found[1] if found else None
