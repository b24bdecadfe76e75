"""Build a released run again and compare it with what was released (life cycle, section 6).

A released run never changes: a reproduction proves that the same inputs still give the same bytes.
It replaces nothing; it only writes tables of the run that are missing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder
from reporting.landing.zone import LandingZone
from reporting.records import files, recount
from reporting.records.files import SubmissionFile
from reporting.store import carried_forward
from reporting.store.publish import write_tables
from reporting.store.published import published_file, tables_of, unreadable
from reporting.store.published_database import build_database
from reporting.store.submission_ledger import ledger_views
from reporting.submission.repair import RUNS

# Frozen table -> the table of the build store that must have the same rows.
COMPARED = {"records": "submission_records", "pending": "months_owed"}
NOT_COMPARED = {"data_quality_results"}  # of the day on which the checks were evaluated


@dataclass(frozen=True)
class ReleasedRun:
    """A released run as the ledger holds it: its inputs, and the hashes of its files."""

    run_id: str
    ledger_upto: int
    digests: Mapping[str, str]
    files: Mapping[tuple[str, str], str]  # institution and name as built -> SHA-256
    refused: frozenset[tuple[str, str]]  # files that the bureau refused whole


def released_run(run: Run, settings: Settings) -> ReleasedRun | None:
    """The released run of this month and cut-off; None where it is not released.

    Raises BadCall for one that an older version built: the list of its landing files is missing.
    """
    with ledger_views(settings) as connection:
        found = connection.execute(
            "select runs.run_id, max_by(events.details, events.batch) "
            "from submission.run_states as runs inner join marts.submission_events as events "
            "on events.event = 'BUILT' and events.run_id = runs.run_id "
            "and events.as_of = runs.as_of and events.report_month = runs.report_month "
            "and events.built_name is null where runs.released_at is not null "
            "and runs.report_month = ? and runs.as_of = ? group by all",
            [run.month, run.as_of],
        ).fetchall()
        if not found:
            return None
        sent = connection.execute(
            "select reporter_code, built_name, sha256, state from submission.file_states "
            "where report_month = ? and as_of = ?",
            [run.month, run.as_of],
        ).fetchall()
    ((run_id, details),) = found
    kept = json.loads(details)
    if "digests" not in kept:
        raise BadCall(
            f"{run.label} cannot be reproduced: an older version built it, and the list of the "
            "files it read is missing"
        )
    return ReleasedRun(
        run_id,
        int(kept["ledger_upto"]),
        kept["digests"],
        {(reporter, name): digest for reporter, name, digest, _ in sent},
        frozenset((reporter, name) for reporter, name, _, state in sent if state == "REFUSED"),
    )


def landing_files(run: Run, settings: Settings) -> dict[str, str]:
    """The landing files that a released run has read, with their SHA-256."""
    frozen = _frozen(run, settings) / "inputs.parquet"
    with duckdb.connect() as connection:
        try:
            return dict(
                connection.execute(
                    "select file, sha256 from read_parquet(?)", [str(frozen)]
                ).fetchall()
            )
        except duckdb.Error:
            raise DataNotFit(f"file {frozen} is missing or damaged; restore it") from None


def require_there(run: Run, then: Mapping[str, str], settings: Settings) -> None:
    """Require that every landing file of the released run is there."""
    for file, state in LandingZone.of(settings.landing).states(then).items():
        if state is None:
            raise _other_file(run, file, "is gone")


def require_same_files(run: Run, landed: Mapping[str, str], then: Mapping[str, str]) -> None:
    """Require that every landing file of the released run has landed unchanged."""
    for file, digest in then.items():
        if landed.get(file) != digest:
            raise _other_file(run, file, "was changed")


def _other_file(run: Run, file: str, fault: str) -> DataNotFit:
    return DataNotFit(f"{run.label} cannot be reproduced: landing file {file} {fault}; restore it")


def compare(
    connection: duckdb.DuckDBPyConnection, run: Run, released: ReleasedRun, settings: Settings
) -> str:
    """Compare files, journal and pending months with those released; returns the result in words.

    Raises DataNotFit where they differ. Clear files are deleted, but for those of refused files,
    which are left in place to be sent again.
    """
    aside = private_folder(run.folder(settings)) / ".reproduced.partial"
    atomic.delete(aside)
    try:
        written = files.write_submissions(connection, run, aside)
        recount.count_files(connection, aside, run, written)
        differing = _differing(connection, run, released, written, settings)
        if differing:
            causes = ", ".join(_changed_digests(connection, released)) or "no input that is known"
            raise DataNotFit(
                f"{run.label} was released; {differing} today ({causes}); the released month stays"
            )
        _leave_refused_files(written, aside, run, released, settings)
    finally:
        atomic.delete(aside)
    _write_missing_tables(connection, run, settings)
    return f"{run.label} reproduced: {len(written):,} files, same bytes"


def _differing(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    released: ReleasedRun,
    written: list[SubmissionFile],
    settings: Settings,
) -> str:
    """What differs, in words; empty where all is equal."""
    counts = {}
    for frozen, table in COMPARED.items():
        file = _frozen(run, settings) / f"{frozen}.parquet"
        if unreadable([file]):
            raise DataNotFit(f"file {file} is missing or damaged; restore it")
        then = f"(select * from read_parquet({literal(file)}))"
        columns = connection.execute(f"select column_name from (describe from {then})").fetchall()
        names = ", ".join(f'"{name}"' for (name,) in columns)
        (counts[frozen],) = connection.execute(
            f"with released as (select {names} from {then}), "
            f"built as (select {names} from marts.{table} "
            f"where report_month = date '{run.month}'), differing as "
            "((from released except all from built) union all "
            "(from built except all from released)) "
            f"select count(distinct {'record_id' if frozen == 'records' else 'account_id'}) "
            "from differing"
        ).fetchall()[0]
    if counts["records"]:
        return f"{counts['records']:,} records differ"
    if counts["pending"]:
        return f"the pending months of {counts['pending']:,} accounts differ"
    now = {(one.reporter_code, one.name): one.sha256 for one in written}
    files_differing = len(set(now.items()) ^ set(released.files.items()))
    return f"{files_differing:,} files differ" if files_differing else ""


def _changed_digests(connection: duckdb.DuckDBPyConnection, released: ReleasedRun) -> list[str]:
    """Which inputs differ from those of the released run: code, seeds, policy, landing."""
    now = dict(connection.execute("from main.digests order by kind").fetchall())
    return [kind for kind, digest in now.items() if released.digests.get(kind) != digest]


def _leave_refused_files(
    written: list[SubmissionFile],
    aside: Path,
    run: Run,
    released: ReleasedRun,
    settings: Settings,
) -> None:
    for one in written:
        if (one.reporter_code, one.name) not in released.refused:
            continue
        folder = private_folder(settings.submissions / one.reporter_code / run.label)
        (aside / one.reporter_code / run.label / one.name).rename(folder / one.name)
        atomic.sync_folder(folder)


def _write_missing_tables(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    files_of = {
        published_file(settings, table, run): table
        for table in tables_of(run)
        if table not in NOT_COMPARED
    }
    missing = tuple(files_of[path] for path in unreadable(files_of))
    if missing:
        write_tables(connection, run, settings, missing)
        build_database(settings)
    if not run.is_supplement and not carried_forward.is_there(run, settings):
        carried_forward.carry_forward(connection, run, settings)


def _frozen(run: Run, settings: Settings) -> Path:
    return settings.ledger / RUNS / run.label
