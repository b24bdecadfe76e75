"""The state of a month for alert messages: its figures and its files.

Only what can be read at that moment is included: after a fault there may be no store, no records or
no month before.
"""

from datetime import date, datetime

import duckdb

from reporting.core.database import literal
from reporting.core.errors import ReportingError
from reporting.core.run import CHINA, Run, previous_month
from reporting.core.settings import Settings
from reporting.store import run_marks
from reporting.store.build_store import open_store
from reporting.store.published import built_runs, unfinished_months
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import ledger_views, run_states

# Figure -> how it is counted in the month's build store, and in the published tables: of the month
# before, its own run.
ACCOUNTS = "count(distinct subject_id) filter (where record_type = '210' and state <> 'WITHHELD')"
WITHHELD = "count(*) filter (where state = 'WITHHELD')"
FIGURES = {
    "accounts reported": (
        f"select {ACCOUNTS} from secure.validated_records",
        "select reported from marts.run_figures where report_month = ? and not is_supplement",
    ),
    "records withheld": (
        f"select {WITHHELD} from secure.validated_records",
        "select withheld from marts.run_figures where report_month = ? and not is_supplement",
    ),
    "rows quarantined": (
        "select sum(quarantined) from marts.feed_counts",
        "select sum(quarantined) from marts.feed_counts where report_month = ?",
    ),
    "months pending": (
        "select count(*) from marts.months_owed",
        "select count(*) from marts.months_owed where report_month = ?",
    ),
}


def figures(run: Run, settings: Settings) -> str:
    """The month's figures and those of the month before, in one line; empty if none is known."""
    now = _of_this_run(run, settings)
    before = _published(previous_month(run.month), settings) if now else {}
    parts = [
        f"{count:,} {words}" + (f" ({before[words]:,} the month before)" if words in before else "")
        for words, count in now.items()
    ]
    return f"Figures: {', '.join(parts)}." if parts else ""


def files(run: Run, settings: Settings) -> str:
    """A sentence on the month's submission files: none, those of this run, older ones, released."""
    if released := _released(run, settings):
        return released
    manifests = settings.submissions.glob(f"*/{run.label}/manifest.json")
    written = [datetime.fromtimestamp(path.stat().st_mtime, CHINA) for path in manifests]
    if not written:
        return f"No file of {run.label} is in place."
    if run.label in unfinished_months(settings):
        return (
            f"Files of {run.label} were being replaced and may be of two builds: "
            "run it again before you send them."
        )
    began_at = run_marks.began_at(settings, run.label)
    if began_at is None:
        return f"Files of {run.label} are in place; of which run is not known."
    if min(written) >= began_at:
        return f"The files of this run of {run.label} are in place."
    return f"Files of an earlier build of {run.label} are still in place."


def unreleased(settings: Settings) -> frozenset[str] | None:
    """The labels of the runs that are built, or released, and not delivered whole.

    None where the ledger cannot be read.
    """
    try:
        there = {one.run for one in built_runs(settings)}
        built = {
            one.label
            for one in run_states(settings)
            if one.state != "RELEASED" and one.run in there
        }
        with ledger_views(settings) as connection:
            waiting = connection.execute(
                "select distinct label from submission.file_states where state = 'RELEASED'"
            ).fetchall()
    except (ReportingError, duckdb.Error, OSError):
        return None
    return frozenset(built | {label for (label,) in waiting})


def _released(run: Run, settings: Settings) -> str:
    """What waits of a released run; empty if it is not released, or the ledger cannot be read."""
    try:
        with ledger_views(settings) as connection:
            rows = connection.execute(
                "select count(files.label) filter (where files.state = 'RELEASED') "
                "from submission.run_states as runs "
                "left join submission.file_states as files on runs.label = files.label "
                f"where runs.state = 'RELEASED' and runs.label = {literal(run.label)} "
                "group by runs.label"
            ).fetchall()
    except (ReportingError, duckdb.Error, OSError):
        return ""
    return "".join(
        f"{run.label} is released; {waiting:,} of its files wait for delivery."
        for (waiting,) in rows
    )


def _of_this_run(run: Run, settings: Settings) -> dict[str, int]:
    try:
        with open_store(run, settings) as store:
            return _counted(store, {words: (own, []) for words, (own, _) in FIGURES.items()})
    except (ReportingError, duckdb.Error, OSError):
        return {}


def _published(month: date, settings: Settings) -> dict[str, int]:
    try:
        with open_published(settings) as published:
            is_built = "select 1 from marts.built_months where report_month = ?"
            if not published.execute(is_built, [month]).fetchall():
                return {}
            return _counted(published, {w: (sql, [month]) for w, (_, sql) in FIGURES.items()})
    except (ReportingError, duckdb.Error, OSError):
        return {}


def _counted(
    connection: duckdb.DuckDBPyConnection, queries: dict[str, tuple[str, list[date]]]
) -> dict[str, int]:
    """The figures whose tables exist already."""
    found = {}
    for words, (sql, values) in queries.items():
        try:
            (count,) = connection.execute(sql, values).fetchall()[0]
        except duckdb.CatalogException:
            continue
        if count is not None:
            found[words] = int(count)
    return found
