"""The submission folder of an institution and month: its files per record type, and a manifest."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.workspace import private_folder
from reporting.records.lines import layouts
from reporting.records.rules import hits

HEADER_BYTES = 50
RECORD_VERSION = "2.0.0"
BLOCK_BYTES = 1 << 20
WRITERS = 2  # files at a time: a file in order is written by one thread


@dataclass(frozen=True)
class SubmissionFile:
    """One file of a submission folder."""

    reporter_code: str
    name: str
    record_type: str
    records: int
    header: str
    line_count: int  # without the header, counted when the file was read back
    size: int
    sha256: str


def header(record_type: str, reporter_code: str, run: Run, records: int) -> str:
    """The header line of a file (bureau interface, 1.3); its creation time is the cut-off."""
    line = (
        f"A{HEADER_BYTES:03d}{record_type}{RECORD_VERSION}{layouts()[record_type].template}"
        f"{reporter_code}{run.as_of:%Y%m%d%H%M%S}0{records:07d}"
    )
    if len(line.encode()) != HEADER_BYTES:
        raise AssertionError(f"header of {record_type} is not {HEADER_BYTES} bytes long")
    return line


def write_submissions(
    connection: duckdb.DuckDBPyConnection, run: Run, root: Path
) -> list[SubmissionFile]:
    """Write every institution's folder of the run from ``secure.record_lines``, below ``root``.

    Each folder is written aside and renamed, so that it appears whole or not at all. A folder of
    an earlier build of the month is replaced, or removed if nothing is reported any more.
    """
    batches = connection.execute(
        "select reporter_code, record_type, file_name, count(*) from secure.record_lines "
        "where file_name is not null group by all order by all"
    ).fetchall()
    reporters = sorted({reporter for reporter, *_ in batches})
    written: list[SubmissionFile] = []
    for reporter in reporters:
        aside = atomic.aside_of(root / reporter / run.label)
        atomic.delete(aside)
        for folder in (root, aside.parent, aside):
            private_folder(folder)
        with ThreadPoolExecutor(WRITERS) as writers:
            writing = [
                writers.submit(
                    _write_and_read_back,
                    connection.cursor(),
                    *(run, aside, reporter, record_type, name, records),
                )
                for owner, record_type, name, records in batches
                if owner == reporter
            ]
        files = [one.result() for one in writing]
        _require_well_formed(connection, files)
        _write_manifest(aside, run, reporter, files)
        written += files
    for reporter in reporters:
        folder = root / reporter / run.label
        atomic.put_in_place(atomic.aside_of(folder), folder)
    for folder in root.glob(f"*/{run.label}"):
        if folder.parent.name not in reporters:
            atomic.remove(folder)
    return written


def _write_and_read_back(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    folder: Path,
    reporter: str,
    record_type: str,
    name: str,
    records: int,
) -> SubmissionFile:
    path = folder / name
    first = header(record_type, reporter, run, records)
    named = first.replace('"', '""')
    connection.execute(
        f"""
        copy (
            select line as "{named}"
            from secure.record_lines
            where record_type = '{record_type}' and file_name = '{name}'
            order by sort_code, report_date
        ) to {literal(path)} (format csv, header true, quote '', escape '', delimiter '\t')
        """
    )
    path.chmod(0o600)
    return _read_back(path, reporter, record_type, records)


def _read_back(path: Path, reporter: str, record_type: str, records: int) -> SubmissionFile:
    """Read a file back from disk: header, number of lines after it, bytes and SHA-256."""
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        first = file.readline()
        file.seek(0)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            lines += block.count(b"\n")
    return SubmissionFile(
        *(reporter, path.name, record_type, records),
        *(first.rstrip(b"\n").decode(), lines - 1, path.stat().st_size, digest.hexdigest()),
    )


def _require_well_formed(
    connection: duckdb.DuckDBPyConnection, files: list[SubmissionFile]
) -> None:
    """Evaluate the bureau's file rules on the written files: names, headers and counts."""
    connection.execute(
        "create or replace temp table files (file_name varchar, header varchar, line_count bigint)"
    )
    connection.executemany(
        "insert into files values (?, ?, ?)",
        [(file.name, file.header, file.line_count) for file in files],
    )
    broken = connection.execute(hits("file", "file", "files")).fetchall()
    if broken:
        _, reporter, name, _, rules = broken[0]
        raise DataNotFit(
            f"file {name} of {reporter} fails {', '.join(rules)}; no file was put in place"
        )


def _write_manifest(folder: Path, run: Run, reporter: str, files: list[SubmissionFile]) -> None:
    manifest = {
        "reporter_code": reporter,
        "report_month": f"{run.month:%Y-%m}",
        "as_of": run.as_of.isoformat(),
        "files": [
            {
                "name": file.name,
                "record_type": file.record_type,
                "records": file.records,
                "bytes": file.size,
                "sha256": file.sha256,
            }
            for file in files
        ],
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    path.chmod(0o600)
