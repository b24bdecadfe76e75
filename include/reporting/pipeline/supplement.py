"""Is anything pending for a supplement, and can any of it be sent? (life cycle, section 2)"""

import duckdb

from reporting.core.errors import NothingToSend
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records import earlier_months
from reporting.store import month_order
from reporting.store.submission_ledger import bureau_facts


def require_pending(run: Run, settings: Settings) -> None:
    """Raise NothingToSend if nothing is pending before the run; no file of the book is read."""
    with duckdb.connect() as connection:
        earlier_months.create_history(
            connection,
            *(run, month_order.chain(run, settings), settings, bureau_facts(settings)),
        )
        (pending,) = connection.execute(
            "select (select count(*) from history.months_owed) "
            "+ (select count(*) from history.pending_records)"
        ).fetchall()[0]
    if not pending:
        raise NothingToSend(f"nothing is pending for {run.month:%Y-%m}")


def require_sendable(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Raise NothingToSend if no pending record can be sent yet; the line says why they wait."""
    (sendable,) = connection.execute(
        "select count(*) from marts.submission_records where state = 'BUILT'"
    ).fetchall()[0]
    if sendable:
        return
    waiting = connection.execute(
        "select coalesce(nullif(concat_ws(' ', held_back_by, rule_ids), ''), 'WITHHELD'), count(*) "
        "from (select held_back_by, rule_ids from marts.months_owed union all "
        "select 'WITHHELD', rule_ids from marts.submission_records where record_type <> '210') "
        "group by all order by all"
    ).fetchall()
    words = ", ".join(f"{count:,} {cause}" for cause, count in waiting) or "nothing is left to send"
    raise NothingToSend(
        f"no pending record of {run.month:%Y-%m} can be sent at {run.as_of.isoformat()}: {words}; "
        "nothing was published"
    )
