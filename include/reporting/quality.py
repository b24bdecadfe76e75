"""The checks before anything leaves: what is checked, what failed, and whether the month may go on.

The sentences stand in ``expectations/<layer>/<table>.py``. Great Expectations evaluates them as SQL
inside the month's build store, which is only read. Results and pages hold counts, sentences and a
few pseudonymous keys, never another value of a row.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb

from reporting import atomic, check_pages, evidence, runbook, waivers
from reporting.errors import DataNotFit
from reporting.run import Run
from reporting.settings import EXPECTATIONS, Settings
from reporting.warehouse import open_store

if TYPE_CHECKING:
    from reporting.validation import Answer

LAYERS = {"landing": "raw", "marts": "marts", "records": "secure"}  # in order, with their schemas
RESULT_COLUMNS = (
    "check_id varchar, layer varchar, table_name varchar, severity varchar, description varchar, "
    "rows_checked bigint, rows_failing bigint, passed boolean, owner varchar, evidence varchar, "
    "example_keys varchar[], is_waived boolean, waiver_note varchar, evaluated_at timestamp, "
    "new_rows_only boolean"
)


@dataclass(frozen=True)
class CheckResult:
    """One check of one table: what was asked and how many rows answered otherwise."""

    check_id: str
    layer: str
    table_name: str
    severity: str  # critical stops the month, warning is told, info is only counted
    description: str
    rows_checked: int
    rows_failing: int
    passed: bool
    owner: str  # who is told (expectations/runbook.yml)
    evidence: str  # equal as long as the same rows fail; empty where the check passed
    example_keys: tuple[str, ...]  # of failing rows, pseudonymous
    is_waived: bool
    waiver_note: str  # who waived it, or why a waiver no longer holds; empty without one
    evaluated_at: datetime  # wall clock, China time (contracts, section 5)
    new_rows_only: bool = False  # another month asks other rows; not published

    @property
    def is_open(self) -> bool:
        """Whether it failed and nobody has waived it."""
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
        """The failed checks that a person should hear of; the month goes on."""
        return self._failed("warning")

    def _failed(self, severity: str) -> list[CheckResult]:
        return [r for r in self.results if r.is_open and r.severity == severity]

    def save(self, settings: Settings) -> None:
        """Write the results for the publisher, aside first: nobody ever sees half a file."""
        folder = _folder(self.run, settings)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.layer}.parquet"
        with atomic.replaced(path) as aside, duckdb.connect() as connection:
            connection.execute(f"create table results ({RESULT_COLUMNS})")
            connection.executemany(
                f"insert into results values ({', '.join('?' * len(fields(CheckResult)))})",
                [list(asdict(result).values()) for result in self.results],
            )
            connection.table("results").write_parquet(str(aside))


def saved_reports(run: Run, settings: Settings) -> list[Path]:
    """The files of results saved so far for a month, in the order of its layers."""
    paths = [_folder(run, settings) / f"{layer}.parquet" for layer in LAYERS]
    return [path for path in paths if path.is_file()]


def results_of(run: Run, settings: Settings) -> list[CheckResult]:
    """Every result saved so far for a month."""
    with duckdb.connect() as connection:
        rows = [connection.read_parquet(str(p)).fetchall() for p in saved_reports(run, settings)]
    names = [field.name for field in fields(CheckResult)]
    every = (dict(zip(names, row, strict=True)) for row in chain.from_iterable(rows))
    return [CheckResult(**row | {"example_keys": tuple(row["example_keys"])}) for row in every]


def forget(run: Run, settings: Settings) -> None:
    """Drop what an earlier run found in this month; its pages are replaced by the next check."""
    shutil.rmtree(_folder(run, settings), ignore_errors=True)


def pages_index(run: Run, settings: Settings) -> Path:
    """The start page of a month's checks, the same for all its layers."""
    return settings.check_pages / run.label / "index.html"


def _folder(run: Run, settings: Settings) -> Path:
    return run.folder(settings) / "quality"


def require_fit(report: CheckReport) -> None:
    """Stop the month if a critical check failed; the line names month, layer, checks and counts."""
    failed = [
        f"{one.check_id} ({one.rows_failing} of {one.rows_checked} rows of {one.table_name}"
        + (f", such as {one.example_keys[0]})" if one.example_keys else ")")
        for one in report.critical_failures
    ]
    if failed:
        error = DataNotFit(
            f"month {report.run.label}: {len(failed)} critical "
            f"{'check' if len(failed) == 1 else 'checks'} failed in layer {report.layer}: "
            + ", ".join(failed)
            + "; see the month's check pages, correct the data and run the month again"
        )
        error.may_be_damage = not report.is_complete
        raise error


def check(layer: str, run: Run, settings: Settings) -> CheckReport:
    """Ask every question of a layer (landing, marts, records) of the month's build store.

    Saves the results and renders the pages whatever the outcome; ``require_fit`` decides. A check
    that cannot be evaluated counts as a failed critical one. Raises DataNotFit if the store or a
    checked table is missing.
    """
    from reporting import validation

    results: list[CheckResult] = []
    is_complete = True
    known_waivers = waivers.load(settings)
    kept = _folder(run, settings) / "validations"
    with (
        open_store(run, settings) as store,
        validation.open_validation(run, run.build_store(settings), LAYERS[layer], kept) as asked,
    ):
        for path in sorted((EXPECTATIONS / layer).glob("*.py")):
            suite = validation.load_suite(path)
            table = f"{LAYERS[layer]}.{suite.TABLE}"
            rows = _count(store, table, run)
            answers = list(asked.answers_of(suite))
            is_complete &= all(answer.rows_failing is not None for answer in answers)
            results += [
                _result(_About(layer, table, rows, run), answer, store, known_waivers)
                for answer in answers
            ]
        report = CheckReport(layer, run, tuple(sorted(results, key=_failed_first)), is_complete)
        report.save(settings)
        pages = pages_index(run, settings).parent
        check_pages.replace_pages(pages, run, results_of(run, settings), asked.render)
    return report


def _failed_first(result: CheckResult) -> tuple[bool, str]:
    return result.passed, result.check_id


def _count(store: duckdb.DuckDBPyConnection, table: str, run: Run) -> int:
    """The rows of a checked table."""
    try:
        counted = store.execute("select count(*) from query_table(?)", [table]).fetchall()
    except duckdb.CatalogException:
        raise DataNotFit(
            f"month {run.label}: table {table} is not in the build store; run the month again"
        ) from None
    return int(counted[0][0])


@dataclass(frozen=True)
class _About:
    """The table that was asked, and for which run."""

    layer: str
    table: str
    rows: int
    run: Run


def _result(
    about: _About,
    answer: "Answer",
    store: duckdb.DuckDBPyConnection,
    known_waivers: Sequence[waivers.Waiver],
) -> CheckResult:
    """One answer as it is published; where there is none, every row counts as failing."""
    rows_failing = about.rows if answer.rows_failing is None else answer.rows_failing
    if answer.passed and answer.tolerates:  # what is tolerated is counted all the same
        rows_failing = store.execute(f"select count(*) {answer.failing}").fetchall()[0][0]
    found, verdict = evidence.Evidence("", ()), waivers.Verdict(False, "")
    if not answer.passed:
        otherwise = f"{about.run.label}: {rows_failing} rows"
        found = evidence.of_rows(store, answer.failing, answer.key, otherwise, answer.shows_keys)
        if answer.severity == "warning":
            verdict = waivers.judge(
                known_waivers, answer.check_id, found.digest, about.run.as_of.date()
            )
    return CheckResult(
        check_id=answer.check_id,
        layer=about.layer,
        table_name=about.table,
        severity=answer.severity,
        description=answer.description,
        rows_checked=about.rows,
        rows_failing=rows_failing,
        passed=answer.passed,
        owner=runbook.entry(answer.check_id).owner,
        evidence=found.digest,
        example_keys=found.examples,
        is_waived=verdict.is_waived,
        waiver_note=verdict.note,
        evaluated_at=datetime.now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None, microsecond=0),
        new_rows_only=answer.new_rows_only,
    )
