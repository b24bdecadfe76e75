"""The submission ledger: what was built, approved, released, delivered and answered.

A folder to which files are only added (life cycle, section 4). A batch is one Parquet file, written
whole or not at all; an event is one row of it. Each batch holds the hash of the one before, so that
a changed or missing batch is found. No event holds clear personal data.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from reporting.core import atomic
from reporting.core.database import (
    attached,
    filled,
    in_memory,
    json_rows,
    kept_in_memory,
    literal,
    parquet_rows,
)
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import is_held

VERSION = 1  # of the table of events; older ones are read, newer ones are refused
FOLDER_MODE, FILE_MODE = 0o750, 0o640
STATES = Path(__file__).with_name("submission_states.sql")
LOGIN_ID = Path("/proc/self/loginuid")  # the kernel keeps it through sudo and su
NO_LOGIN_ID = 2**32 - 1

# Column -> type, in the order of the file (life cycle, section 4.2).
COLUMNS = {
    "batch": "bigint",
    "position": "integer",
    "version": "integer",
    "previous_sha256": "varchar",
    "at": "timestamp",
    "actor": "varchar",
    "event": "varchar",
    "report_month": "date",
    "as_of": "timestamp",
    "run_id": "varchar",
    "reporter_code": "varchar",
    "file_name": "varchar",
    "built_name": "varchar",
    "record_id": "varchar",
    "subject_id": "varchar",
    "from_month": "date",
    "code": "varchar",
    "reference": "varchar",
    "sha256": "varchar",
    "bytes": "bigint",
    "records": "bigint",
    "sealed_sha256": "varchar",
    "sealed_bytes": "bigint",
    "details": "varchar",
}

AT_ONCE = 1000  # events that are written in one statement, so that an answer needs little memory

_actor: ContextVar[str | None] = ContextVar("actor", default=None)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of a batch; the ledger adds batch, position, time and actor (section 4.2)."""

    event: str
    report_month: date | None = None
    as_of: datetime | None = None
    run_id: str | None = None
    reporter_code: str | None = None
    file_name: str | None = None
    built_name: str | None = None
    record_id: str | None = None
    subject_id: str | None = None
    from_month: date | None = None
    code: str | None = None
    reference: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    records: int | None = None
    sealed_sha256: str | None = None
    sealed_bytes: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """Write events inside the block in the name of an actor, such as ``airflow:builder``."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> str:
    """Who acts: the actor of the surrounding block, else ``os:`` and the login (section 7).

    The login is the one that the kernel keeps through sudo and su, else that of the real user; no
    option or variable can set it.
    """
    if (actor := _actor.get()) is not None:
        return actor
    try:
        user = int(LOGIN_ID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        user = NO_LOGIN_ID
    user = os.getuid() if user == NO_LOGIN_ID else user
    import pwd

    try:
        return f"os:{pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"os:{user}"


def append(settings: Settings, at: datetime, events: Sequence[Event]) -> int:
    """Write one batch in the name of the current actor; returns its number.

    Nothing else commits anything. The caller holds the lock of the home folder; ``at`` is the wall
    clock in China. Raises DataNotFit if the newest batch is missing or changed.
    """
    if not is_held(settings):
        raise AssertionError("a batch is written under the lock of the home folder")
    newest = require_head(settings)
    number = newest.number + 1
    for folder in (settings.ledger, _folder(settings)):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(FOLDER_MODE)
    final = _folder(settings) / f"{number:08d}.parquet"
    if final.exists():
        raise DataNotFit(f"ledger batch {number} exists already; restore the ledger from a backup")
    stamp = (VERSION, newest.sha256, at.replace(tzinfo=None), current_actor())
    rows = [(number, position, *stamp, *_values(event)) for position, event in enumerate(events, 1)]
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    with in_memory() as connection, atomic.replaced(final) as aside:
        typed = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        connection.execute(f"create table events ({typed})")
        for start in range(0, len(named), AT_ONCE):
            part = json_rows(named[start : start + AT_ONCE], COLUMNS)
            connection.execute(f"insert into events from {part}")
        connection.execute(
            f"copy (from events order by position) to {literal(aside)} "
            "(format parquet, compression zstd)"
        )
        aside.chmod(FILE_MODE)
    return number


def _values(event: Event) -> tuple[Any, ...]:
    values = asdict(event)
    values["details"] = json.dumps(values["details"], sort_keys=True) if event.details else None
    return tuple(values.values())


@dataclass(frozen=True)
class Head:
    """The newest batch: its number (0 in an empty ledger) and the hash of its file."""

    number: int
    sha256: str


def batches(settings: Settings) -> list[Path]:
    """The files of the ledger, oldest first."""
    return sorted(_folder(settings).glob("[0-9]*.parquet"))


def actors(settings: Settings, *events: str) -> list[str]:
    """Who has written one of these events, by name; none in an empty ledger."""
    files = batches(settings)
    if not files:
        return []
    with in_memory() as connection:
        query = filled(
            f"select distinct actor from {parquet_rows(*files)} "
            "where event in $events order by all",
            events=events,
        )
        return [actor for (actor,) in connection.execute(query).fetchall()]


def require_head(settings: Settings) -> Head:
    """The newest batch, if no number is missing and it follows from the batch before it.

    Nothing in the ledger holds the hash of its newest batch, but the published database does.
    """
    files = batches(settings)
    for number, file in enumerate(files, 1):
        if int(file.stem) != number:
            raise _damaged(number)
    if lost := _unlike_published(files, settings):
        raise _damaged(lost[0])
    if not files:
        return Head(0, "")
    if _previous_sha256(files[-1]) != (atomic.sha256(files[-2]) if len(files) > 1 else ""):
        raise _damaged(len(files))
    return Head(len(files), atomic.sha256(files[-1]))


def broken_batches(settings: Settings) -> list[int]:
    """The numbers of all batches that are missing or changed, or that follow a changed one."""
    broken: list[int] = []
    before, expected = "", 1
    for file in batches(settings):
        number = int(file.stem)
        broken += range(expected, number)
        try:
            follows = _previous_sha256(file) == before
        except DataNotFit:
            follows = False
        if not follows:
            broken.append(number)
        before, expected = atomic.sha256(file), number + 1
    return sorted({*broken, *_unlike_published(batches(settings), settings)})


def published_head(settings: Settings) -> Head | None:
    """The batch that the published database shows as the newest one.

    None where there is no database, or none that holds it, as of an older version.
    """
    if not settings.published_database.is_file():
        return None
    try:
        with attached(settings.published_database) as connection:
            rows = connection.execute("select batch, sha256 from submission.ledger_head").fetchall()
    except duckdb.Error:
        return None
    return Head(*rows[0])


def _unlike_published(files: list[Path], settings: Settings) -> list[int]:
    """The batches that the published database has seen and that are missing or others now."""
    shown = published_head(settings)
    if shown is None or shown.number == 0:
        return []
    if shown.number > len(files):
        return list(range(len(files) + 1, shown.number + 1))
    file = files[shown.number - 1]
    return [] if atomic.sha256(file) == shown.sha256 else [shown.number]


def _previous_sha256(file: Path) -> str:
    with in_memory() as connection:
        try:
            rows = connection.execute(
                f"select distinct previous_sha256, version from {parquet_rows(file)}"
            ).fetchall()
        except duckdb.Error:
            raise _damaged(int(file.stem)) from None
    if len(rows) != 1:
        raise _damaged(int(file.stem))
    ((previous, version),) = rows
    if version > VERSION:
        raise BadCall(
            f"ledger batch {int(file.stem)} is of version {version}, and this program reads up to "
            f"{VERSION}; use the program that wrote it, or a newer one"
        )
    return str(previous)


def _damaged(number: int) -> DataNotFit:
    return DataNotFit(f"ledger batch {number} is missing or changed; restore it from a backup")


def show_events(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> None:
    """Create ``marts.submission_events`` with the events of some batches, the oldest first, and the
    states that follow from them.

    The states stand in submission_states.sql, the only place that says what events mean.
    """
    typed = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    connection.execute("create schema if not exists marts; create schema submission")
    connection.execute(f"create table marts.submission_events ({typed})")
    if files:
        connection.execute(
            f"insert into marts.submission_events by name from {parquet_rows(*files)}"
        )
    connection.execute(STATES.read_text(encoding="utf-8"))
    connection.execute(
        f"create table submission.ledger_head as select {len(files)}::bigint as batch, "
        f"{literal(atomic.sha256(files[-1]) if files else '')} as sha256"
    )


@contextmanager
def ledger_views(
    settings: Settings, upto: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory with the events and the states of runs and files, to be read.

    ``upto``: the number of the last batch that is read; None: all. The states are worked out once
    for each state of the ledger: an act reads them many times.
    """
    files = batches(settings)[:upto]
    source = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    with kept_in_memory(source, lambda shown: show_events(shown, files)) as connection:
        yield connection


@dataclass(frozen=True)
class BureauFacts:
    """All that a build reads of the ledger: what the bureau refused and rejected (section 5.1).

    It holds no times and no persons. ``upto`` is the number of the newest batch that says so, an
    answer or a file sent again; 0 where nothing is refused or rejected: so equal facts give an
    equal month.
    """

    upto: int = 0
    refused: tuple[tuple[str, str, str], ...] = ()  # institution, name as built, code
    rejected: tuple[tuple[str, str], ...] = ()  # record id, code

    @property
    def digest(self) -> str:
        """A hash of the facts, empty if there are none; part of the run id."""
        rows = [*map(repr, self.refused), *map(repr, self.rejected)]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest() if rows else ""


def bureau_facts(settings: Settings, upto: int | None = None) -> BureauFacts:
    """The bureau facts as of a batch; None: as of the newest one."""
    number = require_head(settings).number if upto is None else upto
    if number == 0:
        return BureauFacts()
    with ledger_views(settings, number) as connection:
        refused = connection.execute(
            "select reporter_code, built_name, refusal_code from submission.file_states "
            "where state = 'REFUSED' order by all"
        ).fetchall()
        rejected = connection.execute(
            "select distinct events.record_id, events.code "
            "from marts.submission_events as events "
            "inner join submission.file_states as files on events.batch = files.answer_batch "
            "and events.file_name = files.file_name where events.event = 'REJECTED' order by all"
        ).fetchall()
        (answered,) = connection.execute(
            # that a refused file is sent again ends its refusal, as an answer begins one
            "select coalesce(max(batch), 0) from marts.submission_events as events "
            "where event in ('ANSWERED', 'REFUSED') or (event = 'RELEASED' and exists ("
            "select 1 from marts.submission_events as earlier where earlier.event = 'RELEASED' "
            "and earlier.reporter_code = events.reporter_code "
            "and earlier.built_name = events.built_name and earlier.batch < events.batch))"
        ).fetchall()[0]
    if not refused and not rejected:
        return BureauFacts()
    return BureauFacts(answered, tuple(refused), tuple(rejected))


@dataclass(frozen=True)
class RunState:
    """A run as the ledger knows it (life cycle, section 3.1)."""

    report_month: date
    as_of: datetime
    run_id: str
    files_digest: str
    state: str
    built_at: datetime
    builders: list[str]  # the actors of every build of this run id
    decided_by: str | None
    decided_at: datetime | None
    decision_run_id: str | None
    decision_digest: str | None
    reason: str | None
    released_at: datetime | None
    is_supplement: bool
    decision: str | None  # the newest, about this build or an earlier one

    @property
    def run(self) -> Run:
        """Its month and cut-off."""
        return Run(self.report_month, self.as_of, self.is_supplement)

    @property
    def label(self) -> str:
        """The name of its folders."""
        return self.run.label


def run_states(settings: Settings) -> list[RunState]:
    """Every run that the ledger knows, by month and cut-off."""
    if not batches(settings):
        return []
    with ledger_views(settings) as connection:
        rows = connection.execute(
            "select report_month, as_of, run_id, files_digest, state, built_at, builders, "
            "decided_by, decided_at, decision_run_id, decision_digest, reason, released_at, "
            "is_supplement, decision "
            "from submission.run_states order by report_month, as_of"
        ).fetchall()
    return [RunState(*row) for row in rows]


def _folder(settings: Settings) -> Path:
    return settings.ledger / "events"
