"""The advance notices that must be sent, as a file for the messaging system.

A person must be notified before adverse information is furnished (Regulation on Credit Reporting,
article 15). ``marts.notices_due`` holds the accounts and the texts; the messaging system resolves
the customer and returns what it sent as the feed ``adverse_notices``.
"""

from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder

FILE = "notices.csv"


def notices_file(settings: Settings, month: str) -> Path:
    """The path of a month's notices; the file exists only if any are due."""
    return settings.notices / month / FILE


def write_notices(connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings) -> None:
    """Write the month's notices; the folder appears whole, and only if a notice is due.

    A folder of an earlier build of the month is replaced, or removed if no notice is due any more.
    """
    final = notices_file(settings, run.label).parent
    due = connection.execute("select count(*) from marts.notices_due").fetchall()[0][0]
    if not due:
        atomic.remove(final)
        return
    private_folder(settings.notices)
    columns = connection.execute("describe marts.notices_due").fetchall()
    texts = [name for name, kind, *_ in columns if kind == "VARCHAR"]
    harmless = ", ".join(f"{_no_formula(name)} as {name}" for name in texts)
    with atomic.replaced(final) as aside:
        path = private_folder(aside) / FILE
        path.touch(mode=0o600)
        connection.execute(
            f"copy (select * replace ({harmless}) from marts.notices_due "
            "order by notices_due.account_id, notices_due.episode_started_on) "
            f"to {literal(path)} (format csv, header true)"
        )
        path.chmod(0o600)


def _no_formula(column: str) -> str:
    """The SQL of a text, with a ' before it where a spreadsheet would read it as a formula."""
    might = f"regexp_matches({column}, '^[=+@\\t\\r-]')"
    return f"case when {might} then concat('''', {column}) else {column} end"
