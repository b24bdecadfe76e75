"""The published tables as files: Parquet by report month, and which months are built."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings

PART = "data.parquet"

BUILDS = ".builds"  # of the published tables, one folder each

UNFINISHED = ".{}.unfinished"  # the mark of a month that is being published

# Published table -> the columns that sort it; each stands in schema marts of the build store.
TABLES = {
    "reportable_population": "account_id",
    "repayment_status": "account_id",
    "connected_groups": "product_code, group_kind, group_value",
    "internal_score_feed": "account_id",
    "notices_due": "account_id, episode_started_on",
    "submission_records": "record_type, subject_id, report_date, reporter_code",
    "accounts_known": "account_id, reporter_code, last_report_date, state",
    "repayment_history": "account_id",
    "months_owed": "account_id, owed_month",
    "repair_queue": "record_id, rule_id",
    "reconciliation": "step_number, reporter_code, product_code, record_type, account_group, "
    "repayment_status, part, item",
    "feed_counts": "table_name",
    "quarantined_rows": "table_name, row_key, recorded_at, rule_id, account_id, source_file",
    "batch_figures": "figure, scope",
    "data_quality_results": "layer, table_name, check_id",
    "landing_files": "file",
    "built_months": "report_month",
}


@dataclass(frozen=True)
class BuiltMonth:
    """A built month: its cut-off, its run id, and the build of the month before that it uses."""

    month: date
    as_of: datetime
    run_id: str
    built_on: str | None  # run id of the month before; none in the first month
    ledger_upto: int = 0  # newest batch of the submission ledger that was read
    bureau_digest: str = ""  # hash of the bureau's refusals and rejections that were read


def partition(settings: Settings, table: str, month: date) -> Path:
    """Folder of one month of a published table."""
    return settings.published / table / f"report_month={month.isoformat()}"


def published_files(settings: Settings, table: str) -> list[Path]:
    """The Parquet files of a published table, oldest month first."""
    return sorted((settings.published / table).glob(f"report_month=*/{PART}"))


def built_months(settings: Settings) -> list[BuiltMonth]:
    """The months that are built, oldest first."""
    files = published_files(settings, "built_months")
    if not files:
        return []
    try:
        with duckdb.connect() as connection:
            # months of older versions have read no answers
            rows = connection.execute(
                "select report_month, as_of, run_id, built_on, coalesce(ledger_upto, 0), "
                "coalesce(bureau_digest, '') from (select null::bigint as ledger_upto, "
                "null::varchar as bureau_digest where false union all by name select * from "
                "read_parquet(?, hive_partitioning = false, union_by_name = true)) "
                "order by report_month",
                [[str(path) for path in files]],
            ).fetchall()
    except duckdb.InvalidInputException:
        raise DataNotFit(
            f"a file below {files[0].parent.parent} is damaged; restore it, or run its month and "
            "every later one again"
        ) from None
    return [BuiltMonth(*row) for row in rows]


def key_checks(settings: Settings) -> set[str]:
    """The check values of the hash keys that the built months were made with, mostly one."""
    with duckdb.connect() as connection:
        months = (
            connection.read_parquet(str(path), hive_partitioning=False)
            for path in published_files(settings, "built_months")
        )
        return {
            check
            for month in months
            if "key_check" in month.columns  # else of an older version
            for (check,) in month.select("key_check").fetchall()
        }


def earlier_months(run: Run, settings: Settings) -> list[tuple[date, str, datetime]]:
    """Month, run id and cut-off of each month that is built and earlier than the run's."""
    return [(b.month, b.run_id, b.as_of) for b in built_months(settings) if b.month < run.month]


def unfinished_months(settings: Settings) -> list[str]:
    """The months (YYYY-MM) whose run was stopped while it replaced their files."""
    marks = settings.published.glob(UNFINISHED.format("*"))
    return sorted(path.name.removeprefix(".").partition(".")[0] for path in marks)
