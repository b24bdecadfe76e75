"""One self-contained database of the published tables, for people who cannot see the home folder.

It holds what ``marts`` shows, no personal data, with the same comments, code lists and saved
queries. What persons did stays here: events
of the ledger and of alerts, and the audit log.
"""

from dataclasses import dataclass
from pathlib import Path

from reporting.core.database import apply_limits, literal, new_database
from reporting.core.errors import BadCall
from reporting.core.settings import Settings
from reporting.store import dictionary
from reporting.store.published_database import months_shown, open_published, require_file

OF_STAFF = {  # columns that name who acted, or hold their words
    "submissions": ("built_by", "approved_by"),
    "data_quality_results": ("waiver_note",),
}
LEFT_OUT = (
    *("submission_events", "audit_log", "alert_events", "data_dictionary", "saved_queries"),
    "landing_files",  # names that the source has given, which may be anybody's
)
AMBIGUOUS = ("marts", "system", "temp")  # names of databases under which marts.x means two things

SOURCE = '"the published database"'


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    tables: int
    rows: int
    months: int


def write_copy(file: Path, months: int | None, settings: Settings) -> Copied:
    """Write the tables of the newest months (default: all) into a new file; it appears whole.

    Raises BadCall if the file exists or cannot be written there, if nothing is published, or if the
    database can only be opened in memory, since it names the files of another folder.
    """
    if file.exists():
        raise BadCall(f"{file} exists; name a new file")
    if (name := file.name.lstrip(".").partition(".")[0].casefold()) in AMBIGUOUS:
        raise BadCall(f"{file}: DuckDB uses the name {name} itself; choose another name")
    if not file.parent.is_dir():
        raise BadCall(f"{file.parent} is no folder; make it, or name another file")
    with open_published(settings) as published:
        require_file(published, settings)
        built = months_shown(published)
        if not built:
            raise BadCall("no month is built yet: run `reporting run --month YYYY-MM` first")
        kept = built[-months:] if months else built
        views = published.execute(
            "select view_name, list_contains(list(column_name), 'report_month') "
            "from duckdb_views() as views inner join duckdb_columns() as columns "
            "on views.view_name = columns.table_name and columns.schema_name = 'marts' "
            "where views.schema_name = 'marts' and not list_contains(?, view_name) "
            "group by view_name order by view_name",
            [list(LEFT_OUT)],
        ).fetchall()
    rows = 0
    with new_database(file) as copy:
        apply_limits(copy, settings)
        # DuckDB names the copy after its file, so that a plain name might be taken
        copy.execute(f"attach {literal(settings.published_database)} as {SOURCE} (read_only)")
        copy.execute("create schema marts")
        dictionary.create_code_lists(copy, settings)
        for view, is_monthly in views:
            since = f"where report_month >= date '{kept[0].month}'" if is_monthly else ""
            columns = ", ".join(f"null::varchar as {name}" for name in OF_STAFF.get(view, ()))
            replaced = f"replace ({columns})" if columns else ""
            [(copied,)] = copy.execute(
                f"create table marts.{view} as "
                f"select * {replaced} from {SOURCE}.marts.{view} {since} order by all"
            ).fetchall()
            rows += copied
        copy.execute(f"detach {SOURCE}")
        dictionary.create_saved_queries(copy)
        dictionary.describe(copy)
    return Copied(len(views), rows, len(kept))
