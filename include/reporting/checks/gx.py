"""Great Expectations on the build store: evaluates the checks of ``expectations/``.

Four of its defaults are turned off: writing values of rows into results and pages, showing
progress, sending usage statistics, and keeping the database file open.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import great_expectations as gx
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.validator.v1_validator import Validator

from reporting.checks import duckdb_dialect
from reporting.checks.guide import Severity
from reporting.checks.vocabulary import failing_rows, of_the_run
from reporting.core import safe_text
from reporting.core.run import Run

COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Answer:
    """The outcome of one check; ``rows_failing`` is None if it could not be evaluated.

    ``failing`` is the SQL that finds the failing rows, from its ``from`` on; ``key`` identifies
    each row.
    """

    check_id: str
    severity: Severity
    description: str
    rows_failing: int | None
    passed: bool
    failing: str
    key: str | None
    shows_keys: bool
    tolerates: bool  # passes although some rows fail
    new_rows_only: bool  # another month checks other rows


@dataclass(frozen=True)
class Validation:
    """An open build store, as Great Expectations evaluates checks on it."""

    run: Run
    schema: str
    source: SQLDatasource

    def answers_of(self, suite: ModuleType) -> list[Answer]:
        """Evaluate all checks of one table."""
        asset = self.source.add_table_asset(suite.TABLE)
        checks = [self._of_the_run(expectation) for expectation in suite.EXPECTATIONS]
        table = Validator(asset.add_batch_definition_whole_table("all rows"), COUNTS_ONLY)
        results = table.validate_expectation_suite(
            gx.ExpectationSuite(f"{self.schema}.{suite.TABLE}", checks)
        )
        for result in results.results:
            if _is_unevaluated(result):
                result.exception_info = _without_values(result.exception_info)
        return [self._answer(result, suite) for result in results.results]

    def _answer(self, result: ExpectationValidationResult, suite: ModuleType) -> Answer:
        """One result in our own form; a check that was not evaluated is critical and failed."""
        check: Any = result.expectation_config
        check_id, description = check.meta["id"], check.description
        failing, key = failing_rows(check, suite, self.schema, self.run)
        shows_keys, new_rows_only = check.meta["shows_keys"], check.meta["new_rows_only"]
        if _is_unevaluated(result):
            why = f"Not evaluated: {result.exception_info['exception_message']}. {description}"
            return Answer(
                check_id, "critical", why, None, False, failing, None, False, False, False
            )
        counts = result.result  # None is counted of an empty table
        rows = int(counts.get("unexpected_count", counts.get("observed_value")) or 0)
        severity = getattr(check.severity, "value", check.severity)
        return Answer(
            *(check_id, severity, description, rows, bool(result.success)),
            *(failing, key, shows_keys, check.meta["tolerates"], new_rows_only),
        )

    def _of_the_run(self, expectation: Any) -> Any:
        """The check with the run's month, its last day and the cut-off filled into its SQL."""
        if hasattr(expectation, "unexpected_rows_query"):
            expectation.unexpected_rows_query = of_the_run(
                expectation.unexpected_rows_query, self.run
            )
        if hasattr(expectation, "counted"):  # its braces are doubled, too
            expectation.counted = of_the_run(expectation.counted, self.run).format()
        return expectation


@contextmanager
def open_validation(run: Run, store: Path, schema: str) -> Iterator[Validation]:
    """Open Great Expectations on a schema of a DuckDB file; the file is closed at the end."""
    duckdb_dialect.register()
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    options: Any = {"kwargs": {"connect_args": {"database": str(store), "schema": schema}}}
    source = context.data_sources.add_sql(
        "build store", connection_string=duckdb_dialect.URL, **options
    )
    try:
        yield Validation(run, schema, source)
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()


def load_suite(path: Path) -> ModuleType:
    """Load one check file by its path, since it belongs to no package."""
    spec = importlib.util.spec_from_file_location(f"expectations_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    suite = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(suite)
    return suite


def _is_unevaluated(result: ExpectationValidationResult) -> bool:
    """Whether evaluation raised an error; the entries are then nested by metric."""
    return result.exception_info.get("raised_exception") is not False


def _without_values(raised: dict[str, Any]) -> dict[str, Any]:
    """Why a check could not be evaluated, in one line that quotes no row."""
    errors = [raised] if "exception_message" in raised else list(raised.values())
    words = safe_text.of_query("\n".join(str(one["exception_message"]) for one in errors))
    reason = words or "the database could not evaluate its SQL on these rows"
    return {"raised_exception": True, "exception_message": reason, "exception_traceback": ""}
