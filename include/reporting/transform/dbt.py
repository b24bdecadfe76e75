"""Run dbt on a month's build store: its arguments and variables, and its errors."""

import json
import shutil
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path

from reporting.core import atomic
from reporting.core.errors import ReportingError
from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.core.workspace import private_folder
from reporting.store.build_store import open_store
from reporting.transform.dbt_session import call_dbt

MOST_NODES = 3  # failed nodes that an error names; dbt's log has all of them


class DbtFailed(ReportingError):
    """A model, test or contract of the dbt project failed (exit 1)."""

    @classmethod
    def of(cls, run: Run, settings: Settings, failed: str) -> "DbtFailed":
        """The error that names the failed nodes, why they failed, and dbt's log."""
        return cls(
            f"month {run.label}: dbt stopped: {failed or 'see its log'} "
            f"(log: {dbt_logs(run, settings) / 'dbt.log'})"
        )


def dbt_build(run: Run, settings: Settings, *select: str, exclude: tuple[str, ...] = ()) -> None:
    """Build selected nodes of the month; raises DbtFailed if a model or contract fails."""
    run_dbt(
        run,
        settings,
        *("build", "--exclude-resource-types", "unit_test", "--indirect-selection", "cautious"),
        "--no-write-json",  # files about the build that are read by no later step
        *("--select", *select, *(("--exclude", *exclude) if exclude else ())),
        graph=_graph(run, settings),
    )


def dbt_parsing(run: Run, settings: Settings) -> Callable[[], object]:
    """The reading of the project into this process and the month's folder, for later commands.

    The build store is read here and not when the result is called: then another step may write it.
    """
    arguments = dbt_arguments(run, settings, "parse", "--no-write-json")
    return partial(call_dbt, arguments, _graph(run, settings))


def dbt_pages(run: Run, settings: Settings) -> Path:
    """Write dbt's documentation of the project as one page; returns its path."""
    run_dbt(run, settings, "parse")  # writes the manifest, which `docs generate` only reads
    run_dbt(run, settings, "docs", "generate", "--static", "--no-compile")
    page = settings.pages / "dbt" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replaced(page) as aside:
        shutil.copyfile(run.folder(settings) / "dbt_target" / "static_index.html", aside)
    return page


def run_dbt(
    run: Run,
    settings: Settings,
    *arguments: str,
    graph: Hashable | None = None,
    is_quiet: bool = True,
) -> None:
    """Run dbt on the month; raises DbtFailed naming the failed nodes, the reasons and the log.

    ``graph``: take the project as this process last parsed it; dbt then writes no manifest.
    """
    failed = call_dbt(dbt_arguments(run, settings, *arguments, is_quiet=is_quiet), graph)
    if failed is not None:
        named = [node.name for node in failed[:MOST_NODES]]
        if more := len(failed) - len(named):
            named.append(f"and {more} more")
        error = DbtFailed.of(run, settings, "; ".join(named))
        error.may_be_damage = any(node.may_be_damage for node in failed)
        error.lack = next((node.lack for node in failed if node.lack), "")
        raise error


def dbt_arguments(
    run: Run,
    settings: Settings,
    *arguments: str,
    target_folder: str = "dbt_target",
    is_quiet: bool = True,
) -> list[str]:
    """dbt's command line: log and target in the month's folder; if quiet, nothing is printed."""
    quiet = ("--quiet", "--no-use-colors", "--log-level", "none") if is_quiet else ()
    return [
        *(*quiet, "--log-level-file", "info"),
        *("--no-send-anonymous-usage-stats", "--warn-error"),
        *("--log-path", str(dbt_logs(run, settings))),
        *arguments,
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--target-path", str(run.folder(settings) / target_folder)),
        *("--vars", json.dumps(dbt_variables(run, settings) | _of_the_store(run, settings))),
    ]


def _graph(run: Run, settings: Settings) -> Hashable:
    """What decides which nodes there are and what they read; other variables are only values."""
    is_brought_forward = bool(_of_the_store(run, settings)["brought_forward_as_of"])
    return DBT_PROJECT, is_brought_forward, settings.policy is None


def dbt_variables(run: Run, settings: Settings) -> dict[str, object]:
    """The variables of the run for dbt: report month, cut-off and the lender's choices."""
    return {
        "report_month": run.month.isoformat(),
        "as_of": run.as_of.isoformat(sep=" "),
        "notice_lead_days": settings.notice_lead_days,
        "minimum_group_size": settings.minimum_group_size,
        "earliest_report_on": run.next_usual_cut_off(settings).isoformat(),
        "policy_file": str(settings.policy) if settings.policy else "",
        "is_supplement": run.is_supplement,
    }


def _of_the_store(run: Run, settings: Settings) -> dict[str, object]:
    """The store, the limits in force, and the cut-off of the month that was brought forward."""
    with open_store(run, settings) as store:
        memory, threads, as_of = store.execute(
            "select current_setting('memory_limit'), current_setting('threads'), "
            "(select max(as_of) from brought_forward.basis)"
        ).fetchall()[0]
    return {
        "build_store": str(run.build_store(settings)),
        "memory_limit": memory,
        "threads": threads,
        "brought_forward_as_of": as_of.isoformat(sep=" ") if as_of else "",
    }


def dbt_logs(run: Run, settings: Settings) -> Path:
    """The private folder of dbt's log of the month."""
    return private_folder(run.folder(settings) / "dbt_logs")
