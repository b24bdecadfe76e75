"""The published tables as files: Parquet by report month, and which runs are built."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from reporting.core.database import in_memory, literal, parquet_rows
from reporting.core.errors import DataNotFit
from reporting.core.run import OWN_PART, Run
from reporting.core.settings import Settings

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
    "runs": "report_month",
}

# What each kind of run publishes: an own run is in built_months, a supplement in runs. A supplement
# sends what is pending and changes nothing else of its month (life cycle, section 2.3).
OF_SUPPLEMENTS = (
    *("submission_records", "months_owed", "accounts_known", "repayment_history", "repair_queue"),
    *("reconciliation", "data_quality_results", "landing_files", "runs"),
)
OF_OWN_RUNS = tuple(table for table in TABLES if table != "runs")
# Tables that say how things stand after a run: of each month the newest run is shown.
OF_NEWEST_RUN = (
    "months_owed",
    "accounts_known",
    "repayment_history",
    "repair_queue",
    "landing_files",
)


def tables_of(run: Run) -> tuple[str, ...]:
    """The tables that a run publishes."""
    return OF_SUPPLEMENTS if run.is_supplement else OF_OWN_RUNS


@dataclass(frozen=True)
class BuiltRun:
    """A built run: its cut-off, its run id, and the build of the run before that it rests on."""

    month: date
    as_of: datetime
    run_id: str
    built_on: str | None  # run id of the predecessor; none in the first month
    ledger_upto: int = 0  # newest batch of the submission ledger that was read
    bureau_digest: str = ""  # hash of the bureau's refusals and rejections that were read
    is_supplement: bool = False

    @property
    def run(self) -> Run:
        """Its month and cut-off."""
        return Run(self.month, self.as_of, self.is_supplement)

    @property
    def row(self) -> tuple[date, str, datetime, bool]:
        """Month, run id, cut-off and kind, as ``history.runs`` holds them."""
        return self.month, self.run_id, self.as_of, self.is_supplement


def partition(settings: Settings, table: str, month: date) -> Path:
    """Folder of one month of a published table."""
    return settings.published / table / f"report_month={month.isoformat()}"


def published_file(settings: Settings, table: str, run: Run) -> Path:
    """The file of one run of a published table."""
    return partition(settings, table, run.month) / run.part


def published_files(settings: Settings, table: str) -> list[Path]:
    """The Parquet files of a published table: by month, of each the own run and its supplements."""
    found = (settings.published / table).glob("report_month=*/[!.]*.parquet")
    return sorted(found, key=lambda path: (path.parent.name, path.name != OWN_PART, path.name))


def unreadable(files: Iterable[Path]) -> list[Path]:
    """The files that are missing or have no Parquet footer."""
    found = []
    with in_memory() as connection:
        for path in files:
            try:
                connection.execute(f"from parquet_file_metadata({literal(path)})").fetchall()
            except duckdb.Error:
                found.append(path)
    return found


def journal_file(settings: Settings, run: Run) -> Path:
    """The journal of a run: of a released run the frozen one, else the published one.

    They differ where an older version published it: the frozen one has the values that were sent.
    """
    return frozen_journal(settings, published_file(settings, "submission_records", run))


def frozen_journal(settings: Settings, published: Path) -> Path:
    """The frozen journal of the run that published a file of journals; else that file."""
    month = published.parent.name.removeprefix("report_month=")[: len("YYYY-MM")]
    label = month if published.name == OWN_PART else f"{month}@{published.stem}"
    frozen = settings.ledger / "runs" / label / "records.parquet"
    return frozen if frozen.is_file() else published


def built_months(settings: Settings) -> list[BuiltRun]:
    """The own runs of the months that are built, oldest first."""
    return [one for one in built_runs(settings) if not one.is_supplement]


def built_runs(settings: Settings) -> list[BuiltRun]:
    """The runs that are built, in the order of the sequence: by month and cut-off."""
    files = [
        path for table in ("built_months", "runs") for path in published_files(settings, table)
    ]
    if not files:
        return []
    try:
        with in_memory() as connection:
            # months of older versions have read no answers
            rows = connection.execute(
                "select report_month, as_of, run_id, built_on, coalesce(ledger_upto, 0), "
                "coalesce(bureau_digest, ''), coalesce(is_supplement, false) "
                "from (select null::bigint as ledger_upto, null::varchar as bureau_digest, "
                "null::boolean as is_supplement where false "
                f"union all by name select * from {parquet_rows(*files)}) "
                "order by report_month, as_of"
            ).fetchall()
    except duckdb.InvalidInputException:
        raise DataNotFit(
            f"a file below {files[0].parent.parent} is damaged; restore it, or run its month and "
            "every later one again"
        ) from None
    return [BuiltRun(*row) for row in rows]


def key_checks(settings: Settings) -> set[str]:
    """The check values of the hash keys that the built months were made with, mostly one."""
    with in_memory() as connection:
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


def unfinished_months(settings: Settings) -> list[str]:
    """The labels of the runs that were stopped while they replaced files of their month."""
    marks = settings.published.glob(UNFINISHED.format("*"))
    return sorted(path.name.removeprefix(".").partition(".")[0] for path in marks)


def unfinished_own_runs(settings: Settings) -> list[str]:
    """The months whose own run was stopped so: what is published of them may be of two builds.

    A supplement that was stopped so has no file in ``runs``, so a build leaves it out.
    """
    return [label for label in unfinished_months(settings) if "@" not in label]
