"""The private build store of a month: one DuckDB file that dbt fills and all else reads."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reporting.errors import BadCall, DataNotFit, ReportingError
from reporting.home import private_folder
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
                f"setting REPORTING_MEMORY_LIMIT: {settings.memory_limit!r} is no size; "
                "write it as 8GB"
            ) from None
    if settings.threads:
        connection.execute("set threads = ?", [settings.threads])


def dbt_build(run: Run, settings: Settings, *select: str, exclude: tuple[str, ...] = ()) -> None:
    """Build some nodes of the month; a model or contract that fails stops the run (DbtFailed)."""
    run_dbt(
        run,
        settings,
        *("build", "--exclude-resource-types", "unit_test", "--indirect-selection", "cautious"),
        *("--select", *select, *(("--exclude", *exclude) if exclude else ())),
    )


def dbt_pages(run: Run, settings: Settings) -> Path:
    """Write dbt's documentation of the project, with the columns of this month, as one page."""
    run_dbt(run, settings, "docs", "generate", "--static", "--no-compile")
    page = settings.home.resolve() / "docs" / "dbt.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    return shutil.copyfile(run.folder(settings) / "dbt_target" / "static_index.html", page)


def run_dbt(
    run: Run,
    settings: Settings,
    *arguments: str,
    program: tuple[str, ...] = ("dbt.cli.main",),
    target_folder: str = "dbt_target",
) -> None:
    """Run dbt on the month, in a process of its own: a module that takes dbt's arguments.

    In-process dbt would keep the DuckDB file open and block the next reader. What the process says
    beside dbt's log, such as why it could not start, is kept with that log when it fails.
    """
    logs = private_folder(run.folder(settings) / "dbt_logs")
    command = [
        *(sys.executable, "-m", *program, "--quiet", "--no-use-colors", "--warn-error"),
        *("--log-path", str(logs)),
        *arguments,
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--target-path", str(run.folder(settings) / target_folder)),
        *("--vars", json.dumps(dbt_variables(run, settings) | _brought_forward(run, settings))),
    ]
    environment = os.environ | {
        "REPORTING_BUILD_STORE": str(run.build_store(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **_limits(settings),
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own arguments
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        (logs / "stderr.log").write_text(done.stderr, encoding="utf-8")
        raise DbtFailed(
            f"month {run.label}: dbt stopped: {_what_failed(done.stdout) or 'see its logs'} "
            f"(logs: {logs})"
        )


def _brought_forward(run: Run, settings: Settings) -> dict[str, str]:
    """The cut-off of the month whose ledgers this run goes on from, as the models read it."""
    with open_store(run, settings) as store:
        row = store.execute("select max(as_of) from brought_forward.basis").fetchone()
    as_of = row[0] if row else None
    return {"brought_forward_as_of": as_of.isoformat(sep=" ") if as_of else ""}


def _limits(settings: Settings) -> dict[str, str]:
    """Memory and threads in force, as the variables that dbt's profile reads."""
    with duckdb.connect() as connection:
        apply_limits(connection, settings)
        memory, threads = connection.execute(
            "select current_setting('memory_limit'), current_setting('threads')"
        ).fetchall()[0]
    return {"REPORTING_MEMORY_LIMIT": memory, "REPORTING_THREADS": str(threads)}


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
        "minimum_group_size": settings.minimum_group_size,
        "earliest_report_on": run.next_usual_cut_off(settings).isoformat(),
        "policy_file": str(settings.policy) if settings.policy else "",
    }
