"""What a month carries forward to the next, so that a month reads only new rows.

dbt makes the relations (``models/carried_forward``); they are kept as Parquet in the month's
private folder, and the next run reads them as schema ``brought_forward``. They are valid only while
their inputs are unchanged: the published month before, the files it read, the code, the seeds and
the policy. Otherwise, or with the setting REPORTING_FULL_REBUILD, the run is a full rebuild; the
result is the same, byte for byte (docs/decisions/0013-carried-forward.md).
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.raw_contract import raw_contract
from reporting.core.run import Run, previous_month
from reporting.core.settings import Settings
from reporting.store import published

log = logging.getLogger(__name__)

SCHEMA = "brought_forward"
FULL_REBUILD = "all history is read (full rebuild)"
MANIFEST = "manifest.json"

SCREENED = (
    "source_file varchar, row_key varchar, broken_rules varchar[], is_conflicting boolean, "
    "changes_subject boolean,"
    "{more} place varchar"
)
RELATIONS = {
    "accounts": "account_id varchar, left_over decimal(18, 2), spent decimal(18, 2), "
    "drawn decimal(18, 2), last_paid_on date, principal_billed decimal(18, 2), last_due_on date, "
    "period_count integer, bills_known bigint, recovered_on date",
    "month_ends_adverse": "account_id varchar, month date, report_date date, "
    "oldest_unpaid_due_on date, days_past_due bigint, written_off_on date, is_written_off boolean",
    "transactions": "{transactions}",
    "bills": "{bills}",
    "screened_transactions": "{transactions}, "
    + SCREENED.format(more=" broken_reversal_rule varchar,"),
    "screened_bills": "{bills}, " + SCREENED.format(more=""),
}


@dataclass(frozen=True)
class CarriedForward:
    """What the month before carried forward: from which run, under which rules, from which files.

    ``untidy``: by file, the columns whose texts are trimmed (``landing.texts``).
    """

    run_id: str
    as_of: datetime
    rules: str
    contents: dict[str, str]
    untidy: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def texts_known(self) -> dict[tuple[str, str], Mapping[str, int]]:
        """By path and digest of every file, its columns whose texts are trimmed."""
        return {(path, sha): self.untidy.get(path, {}) for path, sha in self.contents.items()}

    def covers(self, delivered: Mapping[str, str]) -> bool:
        """Whether every file read at that time is still delivered and unchanged."""
        return self.contents.items() <= delivered.items()


def find(run: Run, rules: str, settings: Settings) -> CarriedForward | None:
    """What the month before carried forward, if it is still valid for this run; else None."""
    before = previous_month(run.month)
    built = {month.month: month.run_id for month in published.built_months(settings)}
    path = _folder(Run(before, run.as_of), settings) / MANIFEST
    if settings.full_rebuild or not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        found = CarriedForward(**kept | {"as_of": datetime.fromisoformat(kept["as_of"])})
    except (ValueError, KeyError, TypeError):
        log.warning("%s: %s cannot be read; %s", run.label, path, FULL_REBUILD)
        return None
    stands = found.run_id == built.get(before) and found.rules == rules
    return found if stands and found.as_of <= run.as_of else None


def create_brought_forward(
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    settings: Settings,
    found: CarriedForward | None,
) -> None:
    """Create schema ``brought_forward`` in the build store; empty for a full rebuild."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    _create_empty(connection)
    if found is None:
        return
    folder = _folder(Run(previous_month(run.month), run.as_of), settings)
    try:
        for relation in RELATIONS:
            connection.execute(
                f"insert into {SCHEMA}.{relation} by name from read_parquet(?)",
                [str(folder / f"{relation}.parquet")],
            )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:  # a damaged page has no class of its own
        log.warning("%s: a file in %s cannot be read; %s", run.label, folder, FULL_REBUILD)
        _create_empty(connection)
        return
    connection.execute(f"insert into {SCHEMA}.basis values (?)", [found.as_of])
    _insert_files(connection, f"{SCHEMA}.files", found.contents)


def _create_empty(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"create or replace table {SCHEMA}.basis (as_of timestamp)")
    connection.execute(f"create or replace table {SCHEMA}.files (file varchar, sha256 varchar)")
    raw = {
        table.name: ", ".join(f"{column.name} {column.type}" for column in table.columns)
        for table in raw_contract()
    }
    for relation, columns in RELATIONS.items():
        connection.execute(
            f"create or replace table {SCHEMA}.{relation} ({columns.format_map(raw)})"
        )


def note_inputs(
    connection: duckdb.DuckDBPyConnection,
    rules: str,
    contents: Mapping[str, str],
    untidy: Mapping[str, Mapping[str, int]],
) -> None:
    """Record the run's inputs in the build store; they are carried forward with it."""
    connection.execute("create schema if not exists carried_forward")
    connection.execute(
        "create or replace table carried_forward.rules as select ? as rules", [rules]
    )
    connection.execute(
        "create or replace table carried_forward.files (file varchar, sha256 varchar)"
    )
    _insert_files(connection, "carried_forward.files", contents)
    connection.execute(
        "create or replace table carried_forward.untidy "
        "(file varchar, column_name varchar, null_words bigint)"
    )
    cells = [(file, *cell) for file, columns in untidy.items() for cell in columns.items()]
    if cells:
        connection.execute(
            "insert into carried_forward.untidy select unnest(?), unnest(?), unnest(?)",
            [list(column) for column in zip(*cells, strict=True)],
        )


def _insert_files(
    connection: duckdb.DuckDBPyConnection, table: str, contents: Mapping[str, str]
) -> None:
    connection.execute(
        f"insert into {table} select unnest(?), unnest(?)",
        [list(contents), list(contents.values())],
    )


def is_there(run: Run, settings: Settings) -> bool:
    """Whether a month has carried something forward."""
    return (_folder(run, settings) / MANIFEST).is_file()


def carry_forward(connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings) -> None:
    """Write what the next month needs of this one; the folder appears whole or not at all."""
    made = connection.execute(
        "select months.run_id, rules.rules from marts.built_months as months "
        "cross join carried_forward.rules as rules"
    ).fetchall()[0]
    contents = dict(connection.execute("from carried_forward.files order by file").fetchall())
    untidy: dict[str, dict[str, int]] = {}
    for file, column, words in connection.execute("from carried_forward.untidy").fetchall():
        untidy.setdefault(file, {})[column] = words
    carried = CarriedForward(made[0], run.as_of, made[1], contents, untidy)
    folder = _folder(run, settings)
    with atomic.replaced(folder) as aside:
        aside.mkdir(parents=True)
        for relation in RELATIONS:
            connection.sql(f"from carried_forward.carried_{relation}").write_parquet(
                str(aside / f"{relation}.parquet"), compression="zstd"
            )
        kept = asdict(carried) | {"as_of": carried.as_of.isoformat()}
        (aside / MANIFEST).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _folder(run: Run, settings: Settings) -> Path:
    return run.folder(settings) / "carried_forward"
