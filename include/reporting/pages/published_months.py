"""The months that are published: what the pages read of each, and how far each came.

A table that no month has published yet is read as empty, and a column that older months lack as
null, so that a page is written from whatever is there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from reporting.core.run import Run, deadline
from reporting.core.settings import Settings
from reporting.store.published_database import open_published

# Published table -> the columns that the pages of all months read.
READ = {
    "data_quality_results": {
        "report_month": "date",
        "as_of": "timestamp",
        "run_id": "varchar",
        "layer": "varchar",
        "table_name": "varchar",
        "check_id": "varchar",
        "severity": "varchar",
        "description": "varchar",
        "rows_checked": "bigint",
        "rows_failing": "bigint",
        "passed": "boolean",
        "is_waived": "boolean",
    },
    "reportable_population": {"report_month": "date", "reason_code": "varchar"},
    "feed_counts": {
        "report_month": "date",
        "table_name": "varchar",
        "delivered": "bigint",
        "quarantined": "bigint",
    },
    "run_figures": {
        "report_month": "date",
        "as_of": "timestamp",
        "is_supplement": "boolean",
        "records": "bigint",
        "withheld": "bigint",
        "reported": "bigint",
    },
    "months_owed": {"report_month": "date"},
    "built_months": {"report_month": "date", "as_of": "timestamp", "run_id": "varchar"},
    "runs": {
        "report_month": "date",
        "as_of": "timestamp",
        "run_id": "varchar",
        "is_supplement": "boolean",
    },
}

STATES = """
with checked as (  -- the last run of a month, whether it was built or stopped
    select
        report_month,
        any_value(as_of) as as_of,
        any_value(run_id) as run_id,
        count(*) filter (where not passed and severity = 'critical') as critical,
        count(*) filter (where not passed and severity = 'warning' and is_waived is not true)
            as warnings
    from shown_data_quality_results
    where not is_supplement
    group by report_month
),

checked_supplements as (
    select
        report_month,
        as_of,
        count(*) filter (where not passed and severity = 'warning' and is_waived is not true)
            as warnings
    from shown_data_quality_results
    where is_supplement
    group by all
),

last_runs as (
    select
        report_month,
        coalesce(checked.as_of, built.as_of) as as_of,
        coalesce(checked.run_id, built.run_id) as run_id,
        false as is_supplement,
        coalesce(checked.critical, 0) as critical,
        coalesce(checked.warnings, 0) as warnings,
        checked.warnings is not null as are_checks_known,
        built.as_of as built_as_of
    from shown_built_months as built
    full join checked using (report_month)
    union all by name
    select
        runs.report_month,
        runs.as_of,
        runs.run_id,
        true as is_supplement,
        0 as critical,
        coalesce(checked_supplements.warnings, 0) as warnings,
        checked_supplements.warnings is not null as are_checks_known,
        runs.as_of as built_as_of
    from shown_runs as runs
    left join checked_supplements using (report_month, as_of)
    where runs.is_supplement
),

answers as (
    select
        report_month,
        as_of,
        count(*) as files,
        count(*) filter (where state in ('ANSWERED', 'REFUSED')) as files_answered,
        count(*) filter (where state = 'REFUSED') as files_refused,
        max(answered_at) as answered_at
    from submission.file_states
    group by all
),

pending as (
    select
        report_month,
        count(*) as pending
    from shown_months_owed
    group by all
)

select
    last_runs.report_month as month,
    last_runs.as_of,
    last_runs.run_id,
    last_runs.is_supplement,
    last_runs.critical,
    last_runs.warnings,
    last_runs.are_checks_known,
    last_runs.built_as_of,
    case
        when last_runs.critical > 0 then 'stopped'
        when answers.files_answered = answers.files then 'answered'
        when steps.state is null then 'built'
        else lower(steps.state)
    end as state,
    coalesce(steps.builders, []) as builders,
    case when steps.state <> 'RELEASED' or steps.is_approved then steps.decided_by end
        as decided_by,
    steps.decided_at,
    steps.reason,
    steps.released_at,
    coalesce(answers.files, 0) as files,
    coalesce(answers.files_answered, 0) as files_answered,
    coalesce(answers.files_refused, 0) as files_refused,
    answers.answered_at,
    figures.reported,
    pending.pending
from last_runs
left join submission.run_states as steps
    on last_runs.report_month = steps.report_month
    and last_runs.as_of = steps.as_of
    and last_runs.run_id = steps.run_id
left join answers
    on steps.report_month = answers.report_month
    and steps.as_of = answers.as_of
left join shown_run_figures as figures
    on last_runs.report_month = figures.report_month
    and last_runs.built_as_of is not distinct from figures.as_of
left join pending
    on last_runs.report_month = pending.report_month
    and not last_runs.is_supplement
order by last_runs.report_month, last_runs.is_supplement, last_runs.as_of
"""


@dataclass(frozen=True)
class MonthState:
    """The last run of a month, or a supplement, and how far it came.

    ``state``: built, stopped, approved, declined, released or answered.
    """

    month: date
    as_of: datetime | None  # unknown in a month of an older version
    run_id: str | None
    is_supplement: bool
    critical: int  # failed checks that stop a month
    warnings: int  # failed checks that are not waived
    are_checks_known: bool  # else a later run, which was stopped, has taken their place
    built_as_of: datetime | None  # cut-off of the build that the tables show; none: never built
    state: str
    builders: list[str]
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    released_at: datetime | None
    files: int  # released
    files_answered: int
    files_refused: int
    answered_at: datetime | None
    reported: int | None  # accounts
    pending: int | None  # months
    due_on: date

    @property
    def label(self) -> str:
        """The name of its folders."""
        if self.as_of is None:
            return f"{self.month:%Y-%m}"
        return Run(self.month, self.as_of, self.is_supplement).label

    @property
    def options(self) -> str:
        """How a command names it."""
        if self.as_of is None:
            return f"--month {self.month:%Y-%m}"
        return Run(self.month, self.as_of, self.is_supplement).options

    @property
    def is_stopped(self) -> bool:
        """Whether a critical check failed, so that nothing of this run is published."""
        return self.state == "stopped"


@contextmanager
def published_months(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database, with a view ``shown_<table>`` of each table in ``READ``."""
    with open_published(settings) as connection:
        published = {
            name
            for (name,) in connection.execute(
                "select view_name from duckdb_views() where schema_name = 'marts'"
            ).fetchall()
        }
        for table, columns in READ.items():
            empty = ", ".join(f"null::{kind} as {name}" for name, kind in columns.items())
            rows = f"select {empty} where false"
            if table in published:
                rows = f"select * from marts.{table} union all by name {rows}"
            shown = [*columns]
            if table == "data_quality_results":
                rows = _of_released_builds(_with_kind_of_run(rows, "runs" in published))
                shown.append("is_supplement")
            connection.execute(
                f"create temp view shown_{table} as select {', '.join(shown)} from ({rows})"
            )
        yield connection


def _with_kind_of_run(results: str, are_runs_known: bool) -> str:
    if not are_runs_known:
        return f"select *, false as is_supplement from ({results})"
    return (
        f"select *, (report_month, as_of) in (select (report_month, as_of) from marts.runs "
        f"where is_supplement) is true as is_supplement from ({results})"
    )


def _of_released_builds(results: str) -> str:
    """Without the results of a run that was stopped before an earlier build was released."""
    return (
        f"select results.* from ({results}) as results anti join submission.run_states as released "
        "on not results.is_supplement and not released.is_supplement "
        "and released.state = 'RELEASED' and results.report_month = released.report_month "
        "and results.run_id <> released.run_id"
    )


def month_states(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[MonthState]:
    """Every month that is published, oldest first; after each its supplements."""
    rows = connection.execute(STATES)
    names = [column[0] for column in rows.description or ()]
    found: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return [MonthState(**row, due_on=deadline(row["month"], settings)) for row in found]
