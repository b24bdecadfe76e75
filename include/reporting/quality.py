"""The checks before anything leaves: what is checked, what failed, and whether the month may go on.

The sentences stand in ``expectations/<layer>/<table>.py``. Great Expectations evaluates them as SQL
inside the month's build store, which is only read. Results and pages hold counts and sentences,
never a value of a row.
"""

import importlib.util
import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from reporting.errors import DataNotFit
from reporting.run import Run
from reporting.settings import EXPECTATIONS, Settings
from reporting.warehouse import open_store

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.data_context import AbstractDataContext
    from great_expectations.datasource.fluent import SQLDatasource

LAYERS = ("landing", "marts", "records")  # in the order of a month
COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
TABLES_OF_PAGES = "gx"  # folder of the stored results that the pages are rendered from

# What DuckDB and Great Expectations say about names; their other messages may quote values.
NAMES_ONLY = re.compile(
    r"(Binder|Catalog|Parser) Error: [^\n]*|The column \"[^\"]*\" in BatchData does not exist"
)


@dataclass(frozen=True)
class CheckResult:
    """One check of one table: what was asked and how many rows answered otherwise."""

    check_id: str
    layer: str
    table: str
    severity: str  # critical stops the month, warning is told, info is only counted
    description: str
    rows_checked: int
    rows_failing: int
    passed: bool
    evaluated_at: datetime  # wall clock, China time (contracts, section 5)


@dataclass(frozen=True)
class CheckReport:
    """The results of one layer of one month."""

    layer: str
    report_month: date
    results: tuple[CheckResult, ...]

    @property
    def critical_failures(self) -> list[CheckResult]:
        """The failed checks that stop the month."""
        return self._failed("critical")

    @property
    def warnings(self) -> list[CheckResult]:
        """The failed checks that a person should hear of; the month goes on."""
        return self._failed("warning")

    def _failed(self, severity: str) -> list[CheckResult]:
        return [r for r in self.results if not r.passed and r.severity == severity]

    def save(self, path: Path) -> None:
        """Write one JSON object per check, aside first: a reader never sees half a file."""
        month = self.report_month.isoformat()
        rows = [{"report_month": month, **asdict(result)} for result in self.results]
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".partial")
        aside.write_text(json.dumps(rows, indent=1, default=str, ensure_ascii=False) + "\n", "utf-8")
        aside.replace(path)


def results_file(layer: str, run: Run, settings: Settings) -> Path:
    """Where the results of a layer are saved for the publisher."""
    return run.folder(settings) / "quality" / f"{layer}.json"


def pages_index(run: Run, settings: Settings) -> Path:
    """The start page of a month's checks, the same for all its layers."""
    return settings.check_pages / run.label / "index.html"


def require_fit(report: CheckReport) -> None:
    """Stop the month if a critical check failed; the line names month, layer, checks and counts."""
    failed = [
        f"{result.check_id} ({result.rows_failing} of {result.rows_checked} rows of {result.table})"
        for result in report.critical_failures
    ]
    if failed:
        raise DataNotFit(
            f"month {report.report_month:%Y-%m}: {len(failed)} critical "
            f"{'check' if len(failed) == 1 else 'checks'} failed in layer {report.layer}: "
            + ", ".join(failed)
            + "; open the month's check pages, correct the data or the rule, and run the month again"
        )


def check(layer: str, run: Run, settings: Settings) -> CheckReport:
    """Run every sentence of a layer (landing, marts, records) on the month's build store.

    Saves the results and renders the pages whatever the outcome; ``require_fit`` decides. A check
    that cannot be evaluated counts as a failed critical one. Raises DataNotFit if the store or a
    checked table is missing.
    """
    _forget_from(layer, run, settings)
    suites = [_load(path) for path in sorted((EXPECTATIONS / layer).glob("*.py"))]
    results: list[CheckResult] = []
    with _context(run, settings) as (context, source), open_store(run, settings) as store:
        for suite in suites:
            name = f"{suite.SCHEMA}.{suite.TABLE}"
            if not store.execute(
                "select count(*) from information_schema.tables"
                " where table_schema = ? and table_name = ?",
                [suite.SCHEMA, suite.TABLE],
            ).fetchone() == (1,):
                raise DataNotFit(f"month {run.label}: table {name} is not built; build it first")
            rows = store.sql(f"select count(*) from {suite.SCHEMA}.{suite.TABLE}").fetchone()
            validated = _validate(suite, run, source)
            results += [_result(layer, name, rows[0], r) for r in validated.results]
            _keep(validated, layer, name, run, context)
        _render(context, run, settings)
    report = CheckReport(layer, run.month, tuple(sorted(results, key=lambda r: r.check_id)))
    report.save(results_file(layer, run, settings))
    return report


def _forget_from(layer: str, run: Run, settings: Settings) -> None:
    """Drop what an earlier run said of this layer and of those after it: it no longer holds."""
    stored = run.folder(settings) / "quality"
    for stale in LAYERS[LAYERS.index(layer) :]:
        results_file(stale, run, settings).unlink(missing_ok=True)
        for pages in stored.glob(f"{TABLES_OF_PAGES}/{stale}.*"):
            shutil.rmtree(pages)


def _load(path: Path) -> ModuleType:
    """Read one file of sentences; it belongs to no package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location(f"expectations_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _context(
    run: Run, settings: Settings
) -> Iterator[tuple["AbstractDataContext", "SQLDatasource"]]:
    """Great Expectations for one layer: nothing of it is left open or remembered afterwards.

    Imported here because it costs seconds. It reports nothing to anybody, shows no progress and
    keeps of its work only the results in the month's folder, from which the pages are rendered.
    """
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    from reporting import duckdb_dialect

    duckdb_dialect.register()
    defaults = InMemoryStoreBackendDefaults()
    defaults.stores[defaults.validation_results_store_name]["store_backend"] = {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": str(run.folder(settings) / "quality" / TABLES_OF_PAGES),
    }
    config = DataContextConfig(
        store_backend_defaults=defaults,
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    file = {"database": str(run.build_store(settings))}
    source = context.data_sources.add_sql(
        "build store", connection_string=duckdb_dialect.URL, kwargs={"connect_args": file}
    )
    try:
        yield context, source
    finally:  # the next writer needs the file to itself
        source.get_execution_engine().close()
        source.get_engine().dispose()


def _validate(
    suite: ModuleType, run: Run, source: "SQLDatasource"
) -> "ExpectationSuiteValidationResult":
    """Ask one table all its questions; what could not be asked is told without values."""
    import great_expectations as gx
    from great_expectations.validator.v1_validator import Validator

    asset = source.add_table_asset(
        f"{suite.SCHEMA}.{suite.TABLE}", table_name=suite.TABLE, schema_name=suite.SCHEMA
    )
    questions = [_asked_of(run, expectation) for expectation in suite.EXPECTATIONS]
    table = Validator(asset.add_batch_definition_whole_table("all rows"), COUNTS_ONLY)
    validated = table.validate_expectation_suite(gx.ExpectationSuite(asset.name, questions))
    for result in validated.results:
        if _was_raised(result):
            result.exception_info = _without_values(result.exception_info)
    return validated


def _asked_of(run: Run, expectation: Any) -> Any:
    """The sentence with the run's month, its last day and the cut-off in its SQL."""
    if hasattr(expectation, "unexpected_rows_query"):
        moments = {
            "{report_month}": f"date '{run.month}'",
            "{month_end}": f"date '{run.month_end}'",
            "{as_of}": f"timestamp '{run.as_of}'",
        }
        for placeholder, moment in moments.items():
            expectation.unexpected_rows_query = expectation.unexpected_rows_query.replace(
                placeholder, moment
            )
    return expectation


def _without_values(raised: dict[str, Any]) -> dict[str, Any]:
    """Why a check could not be evaluated: one line, only from messages that speak of names."""
    told = [raised] if "exception_message" in raised else list(raised.values())
    named = NAMES_ONLY.search("\n".join(str(one["exception_message"]) for one in told))
    reason = named.group() if named else "the database could not evaluate its SQL"
    return {"raised_exception": True, "exception_message": reason, "exception_traceback": ""}


def _was_raised(result: "ExpectationValidationResult") -> bool:
    """Whether the check could not be evaluated; then there is one entry for each metric."""
    return result.exception_info.get("raised_exception") is not False


def _result(
    layer: str, table: str, rows: int, evaluated: "ExpectationValidationResult"
) -> CheckResult:
    """One result as it is published; a check that was not evaluated is a failed critical one."""
    asked = evaluated.expectation_config
    assert asked is not None  # noqa: S101 - every result of a suite names its expectation
    description, severity = str(asked.description), str(asked.severity.value)
    if _was_raised(evaluated):
        reason = evaluated.exception_info["exception_message"]
        description, severity, failing = f"Not evaluated: {reason}. {description}", "critical", rows
    elif "unexpected_count" in evaluated.result:
        failing = evaluated.result["unexpected_count"]
    else:
        failing = evaluated.result["observed_value"]
    return CheckResult(
        check_id=asked.meta["id"],
        layer=layer,
        table=table,
        severity=severity,
        description=description,
        rows_checked=rows,
        rows_failing=failing,
        passed=bool(evaluated.success),
        evaluated_at=datetime.now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None, microsecond=0),
    )


def _keep(
    validated: "ExpectationSuiteValidationResult",
    layer: str,
    table: str,
    run: Run,
    context: "AbstractDataContext",
) -> None:
    """Store the results of a table where the pages of the month's later layers find them too."""
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run_id = RunIdentifier(run_name=run.label, run_time=run.as_of)
    suite = ExpectationSuiteIdentifier(f"{layer}.{table}")
    validated.meta["run_id"] = run_id
    key = ValidationResultIdentifier(suite, run_id, batch_identifier=table)
    context.validation_results_store.add(key, validated)


def _render(context: "AbstractDataContext", run: Run, settings: Settings) -> None:
    """Render the month's pages aside, then put them in the place of the old ones."""
    pages = pages_index(run, settings).parent
    aside, old = pages.with_name(f".{run.label}.new"), pages.with_name(f".{run.label}.old")
    for folder in (aside, old):
        shutil.rmtree(folder, ignore_errors=True)
    context.add_data_docs_site(
        site_name=f"checks of {run.label}",
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(aside),
            },
            "site_section_builders": {"expectations": "None", "profiling": "None"},
        },
    )
    context.build_data_docs()
    if pages.exists():
        pages.rename(old)
    aside.rename(pages)
    shutil.rmtree(old, ignore_errors=True)
