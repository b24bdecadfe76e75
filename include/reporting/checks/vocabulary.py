"""The kinds of checks in ``expectations/``, each with the SQL that finds the rows that fail it.

They count rows inside the database and select only the number 1, so that no value of a row can
reach a result or a page. Only where a check failed, the keys of the failing rows are queried
afterwards (``reporting.checks.fingerprint``). In the SQL, ``{batch}`` is the checked table, and
``{report_month}``, ``{month_end}`` and ``{as_of}`` are the run's
(see ``reporting.checks.evaluate``).
"""

from types import ModuleType
from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.core.expect_column_values_to_be_in_set import (
    ExpectColumnValuesToBeInSet,
)
from great_expectations.expectations.core.expect_column_values_to_be_unique import (
    ExpectColumnValuesToBeUnique,
)
from great_expectations.expectations.core.expect_column_values_to_not_be_null import (
    ExpectColumnValuesToNotBeNull,
)
from great_expectations.expectations.core.unexpected_rows_expectation import (
    UnexpectedRowsExpectation,
)
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from sqlalchemy import literal_column

from reporting.checks.guide import Severity
from reporting.core.run import Run
from reporting.core.seeds import sql_list


class RowsThatShouldNotBe(UnexpectedRowsExpectation):
    """A query that must find no row; the rows are counted inside the database.

    Great Expectations' own class runs every query twice, once for the rows themselves, which must
    not appear in a result.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - theirs to give
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        (counted,) = self.metric_dependencies
        found = metrics[counted]
        return {"success": found == 0, "result": {"observed_value": found}}


class FailingRows(TableMetricProvider):
    """A count over the rows of a table; one scan takes all counts of a table."""

    metric_name = "table.failing_rows"
    value_keys = ("counted",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _count(  # parameters and result are defined by Great Expectations
        cls,  # noqa: N805
        execution_engine: Any,  # noqa: ARG002
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        counted: Any = literal_column(metric_value_kwargs["counted"])
        return counted, metric_domain_kwargs, {}


class RowsCounted(RowsThatShouldNotBe):
    """Rows that must not exist, counted by an aggregate of the table (``counted``)."""

    counted: str
    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.failing_rows",)
    success_keys: ClassVar[tuple[str, ...]] = ("unexpected_rows_query", "counted")


THE_TABLES = "the table's own"  # the key is KEY of the check file
TOLERATED_ROWS = 20  # a share means little in a small table: this many rows always pass


def each_row(
    check_id: str, severity: Severity, description: str, condition: str
) -> RowsThatShouldNotBe:
    """Every row of the table meets a SQL condition; NULL fails."""
    failing = f"from {{batch}} where not coalesce({condition}, false)"
    counted = f"count(*) filter (where not coalesce({condition}, false))"  # 0 of no rows
    return _counted(counted, failing, severity, description, _meta(check_id, failing, THE_TABLES))


def some_row(
    check_id: str, severity: Severity, description: str, condition: str
) -> RowsThatShouldNotBe:
    """Some row of the table meets a SQL condition; the search ends at the first."""
    failing = f"from (values (1)) where not exists (select 1 from {{batch}} where {condition})"
    return _queried(failing, severity, description, _meta(check_id, failing, None))


def the_table(
    check_id: str, severity: Severity, description: str, condition: str
) -> RowsThatShouldNotBe:
    """The table as a whole meets a SQL condition over its rows; NULL fails."""
    failing = f"from {{batch}} having not coalesce({condition}, false)"
    counted = f"case when coalesce({condition}, false) then 0 else 1 end"
    return _counted(counted, failing, severity, description, _meta(check_id, failing, None))


def newest_row(
    check_id: str,
    severity: Severity,
    description: str,
    condition: str,
    key: str,
    *,
    tolerated: float = 0.0,
    among: str = "true",
    shows_keys: bool = True,
) -> RowsThatShouldNotBe:
    """The newest version of each delivered row recorded by the cut-off meets a SQL condition.

    So a corrected row passes, and a row recorded after the cut-off does not count. ``key`` is the
    SQL value that the versions of a row share; a row without a key has no versions.

    ``tolerated`` is a share of the rows: the check passes while the failing rows are no more than
    that share, or no more than ``TOLERATED_ROWS``.

    ``among`` is a condition: only rows that meet it are checked, so that files without such rows
    are not read. ``shows_keys`` is off where a key may be something else than an id.
    """
    known = f"coalesce(recorded_at <= {{as_of}}, true) and ({among})"
    broken = f"{known} and not coalesce({condition}, false)"
    keyed = f"*, {key} as version_of"
    # the versions of the few broken rows first: an anti join with all rows makes a table of them
    rows = (
        f"from (select {keyed} from {{batch}} as delivered where {broken}) as failing"
        f" anti join (select version.version_of, version.recorded_at from"
        f" (select {keyed} from {{batch}} as delivered where recorded_at <= {{as_of}}) as version"
        f" semi join (select {key} as version_of from {{batch}} as delivered where {broken})"
        " as broken on version.version_of = broken.version_of) as newer"
        " on newer.version_of = failing.version_of and newer.recorded_at > failing.recorded_at"
    )
    limit = (
        f"(select greatest({TOLERATED_ROWS}, {tolerated} * count(*)) from {{batch}} where {known})"
    )
    too_many = f" qualify count(*) over () > {limit}" if tolerated else ""
    meta = _meta(check_id, rows, "failing.version_of", shows_keys)
    return _queried(rows + too_many, severity, description, meta | {"tolerates": bool(tolerated)})


def no_row(
    check_id: str,
    severity: Severity,
    description: str,
    rows: str,
    key: str | None = None,
    new_rows_only: bool = False,
) -> RowsThatShouldNotBe:
    """A query finds no row. ``rows`` begins with ``from {batch}``.

    Set ``new_rows_only`` where the table holds only rows built by this run: the next month checks
    other rows, so its result does not resolve a failure. It is always set for a query with
    ``{report_month}``.

    ``key`` is a SQL value that identifies each row found; without a key the check has no examples.
    Great Expectations adds an alias to ``{batch}``; in a join, give one yourself.
    """
    meta = _meta(check_id, rows, key, new_rows_only=new_rows_only)
    return _queried(rows, severity, description, meta)


def filled(check_id: str, severity: Severity, description: str, column: str) -> Any:
    """A column has a value in every row."""
    return ExpectColumnValuesToNotBeNull(
        column=column,
        severity=FailureSeverity(severity),
        description=description,
        meta=_meta(check_id, f"from {{batch}} where {column} is null", THE_TABLES),
    )


def unique(check_id: str, severity: Severity, description: str, column: str) -> Any:
    """No value of a column occurs in two rows."""
    twice = f"from {{batch}} group by {column} having count(*) > 1"
    return ExpectColumnValuesToBeUnique(
        column=column,
        severity=FailureSeverity(severity),
        description=description,
        meta=_meta(check_id, twice, column),
    )


def one_of(
    check_id: str, severity: Severity, description: str, column: str, values: list[str]
) -> Any:
    """Every value of a column is in a list; NULL passes."""
    other = f"from {{batch}} where {column} not in {sql_list(values)}"
    return ExpectColumnValuesToBeInSet(
        column=column,
        value_set=values,
        severity=FailureSeverity(severity),
        description=description,
        meta=_meta(check_id, other, THE_TABLES),
    )


def of_the_run(sql: str, run: Run) -> str:
    """A check's SQL with the run's month, the month's last day and the cut-off filled in."""
    return (
        sql.replace("{report_month}", f"date '{run.month}'")
        .replace("{month_end}", f"date '{run.month_end}'")
        .replace("{as_of}", f"timestamp '{run.as_of}'")
    )


def failing_rows(check: Any, suite: ModuleType, schema: str, run: Run) -> tuple[str, str | None]:
    """The SQL that finds a check's failing rows, from its ``from`` on, and the SQL of their key."""
    table = f"{schema}.{suite.TABLE}"
    key = suite.KEY if check.meta["key"] == THE_TABLES else check.meta["key"]
    return of_the_run(check.meta["failing"], run).format(batch=table), key


def _queried(
    rows: str, severity: Severity, description: str, meta: dict[str, str | bool | None]
) -> RowsThatShouldNotBe:
    return RowsThatShouldNotBe(
        unexpected_rows_query=f"select 1 as failing {rows}",
        severity=FailureSeverity(severity),
        description=description,
        meta=meta,
    )


def _counted(
    counted: str,
    rows: str,
    severity: Severity,
    description: str,
    meta: dict[str, str | bool | None],
) -> RowsThatShouldNotBe:
    return RowsCounted(
        counted=counted,
        unexpected_rows_query=f"select 1 as failing {rows}",  # what the page shows
        severity=FailureSeverity(severity),
        description=description,
        meta=meta,
    )


def _meta(
    check_id: str,
    failing: str,
    key: str | None,
    shows_keys: bool = True,
    new_rows_only: bool = False,
) -> dict[str, str | bool | None]:
    return {
        "id": check_id,
        "failing": failing,
        "key": key,
        "shows_keys": shows_keys,
        "tolerates": False,
        "new_rows_only": new_rows_only or "{report_month}" in failing,
    }
