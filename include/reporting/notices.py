"""The advance notices that must be sent, as a file for the messaging system.

Whoever furnishes adverse information tells the person beforehand (Regulation on Credit Reporting,
article 15). Who must be told, and in which words, stands in ``marts.notices_due``; the messaging
system resolves the customer and hands back what it sent as the feed ``adverse_notices``.
"""

from pathlib import Path

import duckdb

from reporting import atomic
from reporting.home import private_folder
from reporting.run import Run
from reporting.settings import Settings

FILE = "notices.csv"


def notices_file(settings: Settings, month: str) -> Path:
    """Where the notices of a month stand, if any are due."""
    return settings.notices / month / FILE


def write_notices(connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings) -> None:
    """Write the month's notices; the folder appears whole, and only where something is due.

    A folder of an earlier build of the month is replaced, or removed where nothing is due any more.
    """
    final = notices_file(settings, run.label).parent
    due = connection.execute("select count(*) from marts.notices_due").fetchall()[0][0]
    if not due:
        atomic.remove(final)
        return
    private_folder(settings.notices)
    with atomic.replaced(final) as aside:
        path = private_folder(aside) / FILE
        path.touch(mode=0o600)
        target = str(path).replace("'", "''")
        connection.execute(
            "copy (select * from marts.notices_due order by account_id, episode_started_on) "
            f"to '{target}' (format csv, header true)"
        )
        path.chmod(0o600)
