"""Evaluate the checks of a layer on the month's build store.

The checks stand in ``expectations/<layer>/<table>.py``. Great Expectations evaluates them as SQL
inside the build store, opened read-only. Results and pages hold counts, sentences and a few
pseudonymous keys, never another value of a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from reporting.checks import fingerprint, guide, waivers
from reporting.checks.results import LAYERS, CheckReport, CheckResult, results_of
from reporting.core.errors import DataNotFit
from reporting.core.run import CHINA, Run
from reporting.core.settings import EXPECTATIONS, Settings
from reporting.store.build_store import open_store

if TYPE_CHECKING:
    from reporting.checks.gx import Answer

OF_OWN_RUNS_ALONE = ("batch_figures",)  # a supplement measures no portfolio (life cycle, section 2)

# Makes the page of a month from its results so far
WritePage = Callable[[Run, Settings, Sequence[CheckResult]], None]


def evaluate_layer(
    layer: str, run: Run, settings: Settings, write_page: WritePage | None = None
) -> CheckReport:
    """Evaluate every check of a layer (landing, marts, records) on the month's build store.

    Saves the results whatever the outcome; ``require_fit`` decides. ``write_page`` makes the
    month's page from all its results so far. A check that cannot be evaluated counts as a failed
    critical one. Raises DataNotFit if the store or a checked table is missing.
    """
    from reporting.checks import gx

    results: list[CheckResult] = []
    is_complete = True
    known_waivers = waivers.load(settings)
    with (
        open_store(run, settings) as store,
        gx.open_validation(run, run.build_store(settings), LAYERS[layer]) as validation,
    ):
        for path in sorted((EXPECTATIONS / layer).glob("*.py")):
            if run.is_supplement and path.stem in OF_OWN_RUNS_ALONE:
                continue
            suite = gx.load_suite(path)
            table = f"{LAYERS[layer]}.{suite.TABLE}"
            rows = _count(store, table, run)
            answers = list(validation.answers_of(suite))
            is_complete &= all(answer.rows_failing is not None for answer in answers)
            results += [
                _result(_About(layer, table, rows, run), answer, store, known_waivers)
                for answer in answers
            ]
        report = CheckReport(layer, run, tuple(sorted(results, key=_failed_first)), is_complete)
        report.save(settings)
        if write_page is not None:
            write_page(run, settings, results_of(run, settings))
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
    """The table that was checked, and the run."""

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
    """One result as it is published; every row counts as failing if it could not be evaluated."""
    rows_failing = about.rows if answer.rows_failing is None else answer.rows_failing
    if answer.passed and answer.tolerates:  # what is tolerated is counted all the same
        rows_failing = store.execute(f"select count(*) {answer.failing}").fetchall()[0][0]
    found, verdict = fingerprint.Evidence("", ()), waivers.Verdict(False, "")
    if not answer.passed:
        otherwise = f"{about.run.label}: {rows_failing} rows"
        found = fingerprint.of_rows(store, answer.failing, answer.key, otherwise, answer.shows_keys)
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
        owner=guide.entry(answer.check_id).owner,
        evidence=found.digest,
        example_keys=found.examples,
        is_waived=verdict.is_waived,
        waiver_note=verdict.note,
        evaluated_at=datetime.now(CHINA).replace(tzinfo=None, microsecond=0),
        new_rows_only=answer.new_rows_only,
    )
