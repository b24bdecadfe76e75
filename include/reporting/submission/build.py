"""Record in the ledger that a run was built: its files, and all that it was made from."""

import hashlib
from collections.abc import Iterable, Sequence

import duckdb

from reporting.core import atomic
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records.files import SubmissionFile
from reporting.store.published import published_file
from reporting.store.run_marks import now
from reporting.store.submission_ledger import Event, append

# Frozen table of the ledger -> the published table that it is a copy of (life cycle, section 6).
FROZEN = {
    "records": "submission_records",
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
    append(
        settings,
        now(),
        [
            Event(
                **of_run,
                sha256=files_digest((one.reporter_code, one.name, one.sha256) for one in files),
                bytes=sum(one.size for one in files),
                records=sum(one.records for one in files),
                details=details,
            ),
            *(
                Event(
                    **of_run,
                    reporter_code=one.reporter_code,
                    built_name=one.name,
                    sha256=one.sha256,
                    bytes=one.size,
                    records=one.records,
                )
                for one in files
            ),
        ],
    )


def files_digest(files: Iterable[tuple[str, str, str]]) -> str:
    """The files digest of a run: a hash over institution, name and hash of each clear file."""
    lines = sorted(f"{reporter}/{name} {digest}" for reporter, name, digest in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
