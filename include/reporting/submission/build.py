"""Record in the ledger that a run was built: its files, and all that it was made from."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from reporting.core import atomic
from reporting.core.database import in_memory, parquet_rows
from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records.files import SubmissionFile
from reporting.store.published import BuiltRun, published_file
from reporting.store.run_marks import now
from reporting.store.submission_ledger import Event, acting, append

UNKNOWN = "unknown"  # who built a month of an older version

# Frozen table of the ledger -> the published table that it is a copy of (life cycle, section 6).
JOURNAL = "records"
FROZEN = {
    JOURNAL: "submission_records",
    "pending": "months_owed",
    "inputs": "landing_files",
}


def record_build(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    files: Sequence[SubmissionFile],
) -> None:
    """Write the batch BUILT: the run, and each of its files (life cycle, sections 3.1 and 4.3)."""
    run_id, built_on, ledger_upto, bureau_digest = connection.execute(
        "select run_id, built_on, ledger_upto, bureau_digest from marts.built_months"
    ).fetchall()[0]
    of_run = {"event": "BUILT", "report_month": run.month, "as_of": run.as_of, "run_id": run_id}
    details = {
        "ledger_upto": ledger_upto,
        "bureau_digest": bureau_digest,
        "built_on": built_on,
        "is_supplement": run.is_supplement,
        "digests": dict(connection.execute("from main.digests order by kind").fetchall()),
        "tables": {
            name: atomic.sha256(published_file(settings, table, run))
            for name, table in FROZEN.items()
        },
    }
    _write(of_run, details, files, settings, now())


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a month of an older version; hash and size are None where it is gone."""

    reporter_code: str
    name: str
    records: int
    sha256: str | None
    size: int | None


def record_unknown_build(
    built: BuiltRun, files: Sequence[DeliveredFile], settings: Settings, at: datetime
) -> None:
    """Write the batch BUILT of a month that an older version built: no one knows who."""
    run = Run(built.month, built.as_of)
    of_run = {"event": "BUILT", "report_month": run.month, "as_of": run.as_of}
    details = {
        "ledger_upto": built.ledger_upto,
        "bureau_digest": built.bureau_digest,
        "built_on": built.built_on,
        "is_supplement": False,
        "tables": {
            name: atomic.sha256(path)
            for name, table in FROZEN.items()
            if (path := published_file(settings, table, run)).is_file()
        },
    }
    with acting(UNKNOWN):
        _write({**of_run, "run_id": built.run_id}, details, files, settings, at)


def delivered_files(run: Run, settings: Settings) -> list[DeliveredFile]:
    """The files of a month by its published journal, each as it lies in the folder of the month.

    Raises DataNotFit where one is not what its manifest says.
    """
    journal = published_file(settings, "submission_records", run)
    with in_memory() as connection:
        rows = connection.execute(
            f"select reporter_code, file_name, count(*) from {parquet_rows(journal)} "
            "where file_name is not null group by all order by all"
        ).fetchall()
    return [
        DeliveredFile(reporter, name, records, *_as_stated(reporter, name, run, settings))
        for reporter, name, records in rows
    ]


def _as_stated(
    reporter: str, name: str, run: Run, settings: Settings
) -> tuple[str | None, int | None]:
    folder = settings.submissions / reporter / run.label
    manifest = folder / "manifest.json"
    stated = {}
    if manifest.is_file():
        entries = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        stated = {one["name"]: (one["sha256"], one["bytes"]) for one in entries}
    path = folder / name
    if not path.is_file():
        return stated.get(name, (None, None))
    found = (atomic.sha256(path), path.stat().st_size)
    if stated.get(name, found) != found:
        raise DataNotFit(f"file {path} was changed since it was built; restore it from a backup")
    return found


def _write(
    of_run: Mapping[str, Any],
    details: dict[str, Any],
    files: Sequence[SubmissionFile | DeliveredFile],
    settings: Settings,
    at: datetime,
) -> None:
    of_files = [
        Event(
            **of_run,
            reporter_code=one.reporter_code,
            built_name=one.name,
            sha256=one.sha256,
            bytes=one.size,
            records=one.records,
        )
        for one in files
    ]
    whole = Event(
        **of_run,
        sha256=files_digest((one.reporter_code, one.name, one.sha256) for one in files),
        bytes=sum(one.size or 0 for one in files),
        records=sum(one.records for one in files),
        details=details,
    )
    append(settings, at, [whole, *of_files])


def files_digest(files: Iterable[tuple[str, str, str | None]]) -> str:
    """The files digest of a run: a hash over institution, name and hash of each clear file."""
    lines = sorted(f"{reporter}/{name} {digest or ''}" for reporter, name, digest in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
