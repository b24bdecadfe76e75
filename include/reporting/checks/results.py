"""The results of a month's checks: how they are stored, and whether the month may go on."""

import shutil
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import chain
from pathlib import Path

from reporting.checks.guide import Severity
from reporting.core import atomic
from reporting.core.database import in_memory
from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings

LAYERS = {"landing": "raw", "marts": "marts", "records": "secure"}  # in order, with their schemas
RESULT_COLUMNS = (
    "check_id varchar, layer varchar, table_name varchar, severity varchar, description varchar, "
    "rows_checked bigint, rows_failing bigint, passed boolean, owner varchar, evidence varchar, "
    "example_keys varchar[], is_waived boolean, waiver_note varchar, evaluated_at timestamp, "
    "new_rows_only boolean"
)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The result of one check of one table: what it requires and how many rows fail."""

    check_id: str
    layer: str
    table_name: str
    severity: Severity
    description: str
    rows_checked: int
    rows_failing: int
    passed: bool
    owner: str  # who is alerted (expectations/runbook.yml)
    evidence: str = ""  # fingerprint of the failing rows; empty if the check passed
    example_keys: tuple[str, ...] = ()  # of failing rows, pseudonymous
    is_waived: bool = False
    waiver_note: str = ""  # who waived it, or why a waiver no longer holds; empty without one
    evaluated_at: datetime  # wall clock, China time (contracts, section 5)
    new_rows_only: bool = False  # another month checks other rows; not published

    @property
    def is_open(self) -> bool:
        """Whether it failed and is not waived."""
        return not self.passed and not self.is_waived


@dataclass(frozen=True)
class CheckReport:
    """The results of one layer of one month; ``is_complete``: every check could be evaluated."""

    layer: str
    run: Run
    results: tuple[CheckResult, ...]
    is_complete: bool = True

    @property
    def critical_failures(self) -> list[CheckResult]:
        """The failed checks that stop the month."""
        return self._failed("critical")

    @property
    def warnings(self) -> list[CheckResult]:
        """The failed checks that alert a person; the month goes on."""
        return self._failed("warning")

    def _failed(self, severity: Severity) -> list[CheckResult]:
        return [r for r in self.results if r.is_open and r.severity == severity]

    def save(self, settings: Settings) -> None:
        """Write the results for the publisher; the file appears whole."""
        folder = results_folder(self.run, settings)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.layer}.parquet"
        with atomic.replaced(path) as aside, in_memory() as connection:
            connection.execute(f"create table results ({RESULT_COLUMNS})")
            connection.executemany(
                f"insert into results values ({', '.join('?' * len(fields(CheckResult)))})",
                [list(asdict(result).values()) for result in self.results],
            )
            connection.table("results").write_parquet(str(aside))


class ChecksFailed(DataNotFit):
    """Critical checks of a layer failed; ``report`` holds its results (exit 1)."""

    def __init__(self, report: CheckReport) -> None:
        """Name month, layer, checks and counts in one line."""
        failed = [
            f"{one.check_id} ({one.rows_failing} of {one.rows_checked} rows of {one.table_name}"
            + (f", such as {one.example_keys[0]})" if one.example_keys else ")")
            for one in report.critical_failures
        ]
        super().__init__(
            f"month {report.run.label}: {len(failed)} critical "
            f"{'check' if len(failed) == 1 else 'checks'} failed in layer {report.layer}: "
            + ", ".join(failed)
            + f"; see pages/{report.run.label}/index.html in the home folder, correct the data and "
            "run the month again"
        )
        self.report = report
        self.may_be_damage = not report.is_complete

    def __reduce__(self) -> tuple[type["ChecksFailed"], tuple[CheckReport]]:
        """Pickle it with its report, so that it can leave another process."""
        return type(self), (self.report,)


def saved_reports(run: Run, settings: Settings) -> list[Path]:
    """The files of results saved so far for a month, in the order of its layers."""
    paths = [results_folder(run, settings) / f"{layer}.parquet" for layer in LAYERS]
    return [path for path in paths if path.is_file()]


def results_of(run: Run, settings: Settings) -> list[CheckResult]:
    """Every result saved so far for a month."""
    with in_memory() as connection:
        rows = [connection.read_parquet(str(p)).fetchall() for p in saved_reports(run, settings)]
    names = [field.name for field in fields(CheckResult)]
    every = (dict(zip(names, row, strict=True)) for row in chain.from_iterable(rows))
    return [CheckResult(**row | {"example_keys": tuple(row["example_keys"])}) for row in every]


def forget(run: Run, settings: Settings) -> None:
    """Drop what an earlier run found in this month; its pages are replaced by the next check."""
    shutil.rmtree(results_folder(run, settings), ignore_errors=True)


def results_folder(run: Run, settings: Settings) -> Path:
    """Where the results of a month are kept."""
    return run.folder(settings) / "quality"


def require_fit(report: CheckReport) -> None:
    """Stop the month if a critical check failed; the line names month, layer, checks and counts."""
    if report.critical_failures:
        raise ChecksFailed(report)
