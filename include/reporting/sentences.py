"""The two kinds of sentence that Great Expectations does not bring along.

Both count rows inside the database and select nothing but the number 1, so that no value of a row
can reach a result or a page. In the SQL, ``{batch}`` is the checked table, and ``{report_month}``,
``{month_end}`` and ``{as_of}`` are the run's (see ``reporting.quality``).
"""

import csv
from typing import Any, ClassVar

from great_expectations.expectations.core.unexpected_rows_expectation import (
    UnexpectedRowsExpectation,
)
from great_expectations.expectations.metadata_types import FailureSeverity

from reporting.settings import DBT_PROJECT


class RowsThatShouldNotBe(UnexpectedRowsExpectation):
    """A query that finds no row, counted inside the database.

    Great Expectations' own sentence asks every query twice, once for the rows themselves, which
    nobody may see here.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - theirs to give
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        found = metrics["unexpected_rows_query.row_count"]
        return {"success": found == 0, "result": {"observed_value": found}}


A_FEW = 20  # so many rows alone stop nobody: a share means little in a small book


def each_row(
    check_id: str, severity: str, description: str, condition: str, tolerated: float = 0.0
) -> RowsThatShouldNotBe:
    """Every row of the table holds a SQL condition; an unknown answer fails.

    ``tolerated`` is a share of the rows: the check passes while the failing rows are no more than
    that share, or no more than a few (20).
    """
    if not tolerated:
        rows = f"from {{batch}} where not coalesce({condition}, false)"
    else:  # all is counted in one scan, and given back as so many rows
        rows = (
            f"from (select count(*) filter (where not coalesce({condition}, false)) as failing,"
            f" greatest({A_FEW}, {tolerated} * count(*)) as tolerated from {{batch}}) as counted"
            " cross join lateral (select unnest(range(counted.failing))) as failing_rows"
            " where counted.failing > counted.tolerated"
        )
    return no_row(check_id, severity, description, rows)


def no_row(check_id: str, severity: str, description: str, rows: str) -> RowsThatShouldNotBe:
    """A query finds nothing. ``rows`` begins with ``from {batch}``.

    Great Expectations names ``{batch}`` itself, except where there is a join: name it there.
    """
    return RowsThatShouldNotBe(
        unexpected_rows_query=f"select 1 as failing {rows}",
        severity=FailureSeverity(severity),
        description=description,
        meta={"id": check_id},
    )


def seed_values(seed: str, *columns: str) -> list[str]:
    """The values of a seed's column; of several columns, joined by a slash."""
    with (DBT_PROJECT / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return ["/".join(row[column] for column in columns) for row in csv.DictReader(file)]


def sql_list(values: list[str]) -> str:
    """Texts as a SQL list, quotes and braces kept harmless."""
    quoted = ["'" + value.replace("'", "''") + "'" for value in values]
    return ("(" + ", ".join(quoted) + ")").replace("{", "{{").replace("}", "}}")
