"""Guarantee that later steps read exactly the files that were hashed when the month was landed.

Size, inode and time of every file are recorded before it is hashed, and compared before and after
each later step that reads the landing zone (contracts, section 1).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb

from reporting.core.errors import BadCall, BrokenDelivery, ReportingError
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import landing_copies
from reporting.landing.land import blame_damaged_file
from reporting.landing.walk import shown
from reporting.landing.zone import FileState, LandingZone
from reporting.store.build_store import open_store


def note_files(
    connection: duckdb.DuckDBPyConnection,
    states: Mapping[str, FileState],
    contents: Mapping[str, str],
) -> None:
    """Record in the build store which files were landed, and in what state."""
    connection.execute("create schema if not exists landed")
    connection.execute(
        "create or replace table landed.files (file varchar, size bigint, identity varchar, "
        "changed_at varchar, sha256 varchar)"
    )
    connection.execute(
        "insert into landed.files select unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)",
        [
            list(states),
            [state.size for state in states.values()],
            [state.identity for state in states.values()],
            [state.changed_at for state in states.values()],
            [contents[file] for file in states],
        ],
    )


@contextmanager
def landed_files(run: Run, settings: Settings) -> Iterator[None]:
    """Require before and after the block that the landing zone's files are those landed.

    Raises BrokenDelivery naming a changed or damaged file, instead of the error that it caused.
    """
    require_unchanged(run, settings)
    try:
        with blame_damaged_file(settings):
            yield
    except BadCall:
        raise
    except (duckdb.Error, ReportingError):
        require_unchanged(run, settings)
        raise
    require_unchanged(run, settings)


def require_unchanged(run: Run, settings: Settings) -> None:
    """Raise BrokenDelivery naming the first file that changed since it was landed.

    If only the time of a file differs, its content is compared.
    """
    zone = LandingZone.of(settings.landing, copies=landing_copies(settings))
    with open_store(run, settings) as store:
        rows = store.execute("from landed.files order by file").fetchall()
    now = zone.states([row[0] for row in rows])
    changed = [
        file
        for file, size, identity, changed_at, sha256 in rows
        if not _is_same(zone, file, FileState(size, identity, changed_at), now[file], sha256)
    ]
    if changed:
        more = f" (and {len(changed) - 1:,} more)" if len(changed) > 1 else ""
        raise BrokenDelivery(
            f"month {run.label}, file {shown(changed[0])}{more}: was changed, replaced or removed "
            "since it was landed; run the month again, beginning with land"
        )


def _is_same(
    zone: LandingZone, file: str, landed: FileState, now: FileState | None, sha256: str
) -> bool:
    if now is None or (now.size, now.identity) != (landed.size, landed.identity):
        return False
    if now.changed_at == landed.changed_at:
        return True
    with zone.at_hand([file]):
        return zone.contents([file])[file] == sha256
