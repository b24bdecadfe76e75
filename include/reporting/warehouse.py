"""The private build store of a month: one DuckDB file, filled by dbt, read by everything after it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from reporting.errors import BadCall, DataNotFit, ReportingError
from reporting.run import Run
from reporting.settings import DBT_PROJECT, Settings


@contextmanager
def open_store(
    run: Run, settings: Settings, *, read_only: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the month's build store, closed at the end of the block."""
    path = run.build_store(settings)
    if not path.is_file():
        raise DataNotFit(f"month {run.label} has no build store at {path}; land the month first")
    connection = duckdb.connect(str(path), read_only=read_only)
    try:
        apply_limits(connection, settings)
        yield connection
    finally:
        connection.close()


def apply_limits(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Give a connection the memory and the threads that the settings allow."""
    if settings.memory_limit:
        try:
            connection.execute("set memory_limit = ?", [settings.memory_limit])
        except duckdb.ParserException:
            raise BadCall(
                f"setting REPORTING_MEMORY_LIMIT: {settings.memory_limit!r} is no size; write it as 8GB"
            ) from None
    if settings.threads:
        connection.execute("set threads = ?", [settings.threads])


def dbt_build(run: Run, settings: Settings, *select: str) -> None:
    """Run ``dbt build`` on some nodes of the month, in a process of its own.

    In-process dbt would keep the DuckDB file open and block the next reader. A model, test or
    contract that fails stops the run with dbt's own first complaint.
    """
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--quiet", "--no-use-colors", "--warn-error"),
        *("build", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--log-path", str(run.folder(settings) / "dbt_logs")),
        *("--target-path", str(run.folder(settings) / "dbt_target")),
        *("--exclude-resource-types", "unit_test", "--indirect-selection", "cautious"),
        *("--vars", json.dumps(dbt_variables(run, settings))),
        *("--select", *select),
    ]
    environment = os.environ | {
        "REPORTING_BUILD_STORE": str(run.build_store(settings)),
        "REPORTING_DBT_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own arguments
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DbtFailed(
            f"month {run.label}: dbt stopped: {_what_failed(done.stdout) or 'see its log'} "
            f"(log: {run.folder(settings) / 'dbt_logs' / 'dbt.log'})"
        )


def _what_failed(output: str) -> str:
    """Which nodes failed; the engine's own words stay in the log, because they may quote values."""
    failures = re.findall(r"(?:Failure|Error) in (\w+ \w+) \(", output)
    return ", ".join(dict.fromkeys(failures))


class DbtFailed(ReportingError):
    """A model, test or contract of the dbt project failed (exit 1)."""


def dbt_variables(run: Run, settings: Settings) -> dict[str, object]:
    """The run as dbt sees it: report month, cut-off and the lender's choices."""
    return {
        "report_month": run.month.isoformat(),
        "as_of": run.as_of.isoformat(sep=" "),
        "notice_lead_days": settings.notice_lead_days,
        "policy_file": str(settings.policy) if settings.policy else "",
    }
