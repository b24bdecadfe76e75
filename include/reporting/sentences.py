"""The two kinds of sentence that Great Expectations does not bring along.

Both count rows inside the database and select nothing but the number 1, so that no value of a row
can reach a result or a page. In the SQL, ``{batch}`` is the checked table, and ``{report_month}``,
``{month_end}`` and ``{as_of}`` are the run's (see ``reporting.quality``).
"""

import csv

from great_expectations.expectations.core.unexpected_rows_expectation import (
    UnexpectedRowsExpectation,
)
from great_expectations.expectations.metadata_types import FailureSeverity

from reporting.settings import DBT_PROJECT

A_FEW = 20  # so many rows alone stop nobody: a share means little in a small book


def each_row(
    check_id: str, severity: str, description: str, condition: str, tolerated: float = 0.0
) -> UnexpectedRowsExpectation:
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


def no_row(check_id: str, severity: str, description: str, rows: str) -> UnexpectedRowsExpectation:
    """A query finds nothing. ``rows`` begins with ``from {batch}``.

    Great Expectations names ``{batch}`` itself, except where there is a join: name it there.
    """
    return UnexpectedRowsExpectation(
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
