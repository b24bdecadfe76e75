"""Is this customer in the credit report, since when, under which document, and if not, why not?

Answered from the published tables alone, in plain words: one paragraph for each account.
"""

from collections.abc import Sized
from datetime import date
from typing import Any

import duckdb
from rich.console import RenderableType
from rich.text import Text

from reporting.errors import BadCall
from reporting.evidence import looks_personal
from reporting.publish import built_months, open_published
from reporting.reasons import reasons
from reporting.run import parse_month
from reporting.settings import Settings

STATUS_WORDS = {
    "*": "nothing was due and nothing overdue",
    "N": "everything due was paid on time",
    "M": "a due day was missed, all arrears were cleared by the report date",
    "B": "bad debt, written off and still owed",
    "C": "settled and closed",
    "G": "ended by transfer",
}
MOST_ROWS = 5  # quarantined ones that are named


def explain(subject: str, month: str | None, settings: Settings) -> RenderableType:
    """The answer for a customer or an account, for one month (the latest built unless named).

    Raises BadCall for an id that no built month knows.
    """
    asked = parse_month(month) if month else None
    with open_published(settings) as connection:
        built = [entry.month for entry in built_months(settings)]
        if not built:
            raise BadCall("no month is built yet: run `reporting run --month YYYY-MM` first")
        answered, opening = _month_to_answer(asked, built)
        rows = _accounts(connection, subject, answered)
        if not rows and (rejected := _quarantined(connection, subject, answered)):
            told = _sent(_records(connection, [subject], answered).get(subject, []))
            owed_too = _owed(connection, [subject], answered).get(subject, [])
            lines = [*rejected, *(f"  {line}" for line in [*told, *owed_too])]
            return Text("\n\n".join([*opening, "\n".join(lines)]))
        if not rows:
            raise BadCall(
                f"no customer or account {subject!r} in month {answered:%Y-%m}; "
                "give the pseudonymous customer_id or account_id of the raw tables, "
                "or another --month"
            )
        accounts = [row["account_id"] for row in rows]
        records = _records(connection, accounts, answered)
        owed = _owed(connection, accounts, answered)
        missing = _rows_missing(connection, accounts, answered)
    paragraphs = [
        _paragraph(
            row,
            records.get(row["account_id"], []),
            [*missing.get(row["account_id"], []), *owed.get(row["account_id"], [])],
        )
        for row in rows
    ]
    customer = rows[0]["customer_id"]
    heading = f"Customer {customer}, {len(rows)} account(s), month {answered:%Y-%m}"
    return Text("\n\n".join([*opening, heading, *paragraphs]))


def accounts_asked(subject: str, month: str | None, settings: Settings) -> tuple[list[str], date]:
    """The accounts whose ids were asked for, of a customer all, and the month that answers."""
    built = [entry.month for entry in built_months(settings)]
    answered, _ = _month_to_answer(parse_month(month) if month else None, built)
    with open_published(settings) as connection:
        rows = _accounts(connection, subject, answered)
    named = [row for row in rows if subject in (row["account_id"], row["customer_id"])]
    return [row["account_id"] for row in named], answered


def _month_to_answer(asked: date | None, built: list[date]) -> tuple[date, list[str]]:
    if asked is None or asked in built:
        return asked or built[-1], []
    earlier = [month for month in built if month < asked]
    nearest = earlier[-1] if earlier else built[0]
    return nearest, [
        f"Month {asked:%Y-%m} is not built: nothing was reported about it from here. "
        f"The nearest built month, {nearest:%Y-%m}, says:"
    ]


def _accounts(
    connection: duckdb.DuckDBPyConnection, subject: str, month: date
) -> list[dict[str, Any]]:
    """Every account of the customer who is meant, or whose account is meant, with its status.

    First which accounts, then all about them: known ids let the second question skip nearly all.
    """
    rows = connection.execute(
        """
        select account_id from marts.reportable_population
        where report_month = $month and customer_id in (
            select customer_id from marts.reportable_population
            where report_month = $month and (customer_id = $subject or account_id = $subject)
        )
        """,
        {"month": month, "subject": subject},
    ).fetchall()
    accounts = [account_id for (account_id,) in rows]
    cursor = connection.execute(
        f"""
        select population.*, status.repayment_status, status.days_past_due, status.overdue_total,
            status.oldest_unpaid_due_on, status.report_date as status_date
        from marts.reportable_population as population
        left join (
            select * from marts.repayment_status
            where report_month = ? and account_id in ({_marks(accounts)})
        ) as status
            on population.account_id = status.account_id
        where population.report_month = ? and population.account_id in ({_marks(accounts)})
        order by population.account_id
        """,
        [month, *accounts, month, *accounts],
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _quarantined(connection: duckdb.DuckDBPyConnection, subject: str, month: date) -> list[str]:
    """Why a month knows nothing of an account or customer whose own row broke a rule, in words."""
    return [
        f"{subject}: NO, not for month {month:%Y-%m}: its row of {table} is in quarantine for "
        f"{broken}. Once it is delivered corrected, the next run counts it."
        for _, table, _, broken in _rejected(
            connection,
            month,
            "row_key = ? and table_name in ('accounts', 'customers')",
            subject,
        )
    ]


def _rejected(
    connection: duckdb.DuckDBPyConnection, month: date, which: str, value: object
) -> list[tuple[Any, ...]]:
    """Account, table and key of rows in quarantine at a month's cut-off, and what they break."""
    return connection.execute(
        "select account_id, table_name, row_key, string_agg(distinct rule_id || ' (' || reason "
        "|| ')', ', ' order by rule_id || ' (' || reason || ')') from marts.quarantined_rows "
        "where (select as_of from marts.built_months where report_month = ?) "
        f"between first_seen and last_seen and {which} group by all order by all",
        [month, value],
    ).fetchall()


def _marks(values: Sized) -> str:
    """As many parameter marks as there are values."""
    return ", ".join("?" * len(values)) or "null"


def _records(
    connection: duckdb.DuckDBPyConnection, accounts: list[str], month: date
) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    rows = connection.execute(
        "select account_id, report_month, report_date, report_date_code, repayment_status, "
        "overdue_total, state, file_name from marts.submission_records "
        f"where account_id in ({_marks(accounts)}) and report_month <= ? "
        "order by report_date, report_month",
        [*accounts, month],
    ).fetchall()
    for row in rows:
        found.setdefault(row[0], []).append(row[1:])
    return found


def _owed(
    connection: duckdb.DuckDBPyConnection, accounts: list[str], month: date
) -> dict[str, list[str]]:
    """For each account the months that the answered month left owed, in words."""
    found: dict[str, dict[str, list[str]]] = {}
    rows = connection.execute(
        "select owed.account_id, owed.owed_month, owed.held_back_by, owed.episode_started_on, "
        "string_agg(repairs.rule_id || ' (' || repairs.sentence || ')', ', ' "
        "order by repairs.rule_id) "
        "from marts.months_owed as owed left join marts.repair_queue as repairs "
        "on owed.account_id = repairs.account_id and owed.report_month = repairs.report_month "
        "and owed.owed_month = date_trunc('month', repairs.report_date) "
        "where owed.account_id in (select unnest(?)) and owed.report_month = ? "
        "group by all order by owed.owed_month",
        [accounts, month],
    ).fetchall()
    for account, owed_month, held_back_by, episode, broken in rows:
        causes = {
            "WITHHELD": f"its record breaks {broken} and waits for repair",
            "NOTICE_PENDING": f"no notice for the episode of {episode} was delivered in time",
        }
        cause = causes.get(held_back_by, f"it is held back as {held_back_by}")
        found.setdefault(account, {}).setdefault(cause, []).append(f"{owed_month:%Y-%m}")
    return {
        account: [
            f"Still owed: {', '.join(held)}, since {cause}." for cause, held in causes.items()
        ]
        for account, causes in found.items()
    }


def _rows_missing(
    connection: duckdb.DuckDBPyConnection, accounts: list[str], month: date
) -> dict[str, list[str]]:
    """For each account the rows that its ledger lacks, because they broke a rule, in words."""
    found: dict[str, list[str]] = {}
    of_accounts = "account_id in (select unnest(?))"
    for account, table, key, broken in _rejected(connection, month, of_accounts, accounts):
        named = "a row" if looks_personal(key) else key
        found.setdefault(account, []).append(
            f"In quarantine, so not in this ledger: {named} of {table}, for {broken}."
        )
    return {
        account: lines[:MOST_ROWS]
        + [f"And {len(lines) - MOST_ROWS} more."] * (len(lines) > MOST_ROWS)
        for account, lines in found.items()
    }


def _paragraph(row: dict[str, Any], records: list[tuple[Any, ...]], owed: list[str]) -> str:
    reason = reasons()[row["reason_code"]]
    since = row["first_reported_month"]
    head = (
        f"Account {row['account_id']} ({row['product_code']}, furnished by {row['reporter_code']})"
    )
    withheld = any(r[5] == "WITHHELD" and r[0] == row["report_month"] <= r[1] for r in records)
    if row["is_reportable"] and withheld:
        lines = [f"{head}: YES, it is owed, but the record of this month is withheld."]
    elif row["is_reportable"] and any(record[-1] for record in records):  # in a file
        lines = [f"{head}: YES, reported since {since:%Y-%m}."]
    elif row["is_reportable"]:
        lines = [f"{head}: YES, it is to be reported; no record has left yet."]
    else:
        lines = [f"{head}: NO, not for this month. {reason.sentence}"]
    lines.append(f"  Rule: {reason.reason_code} ({reason.citation}).")
    lines += [f"  {line}" for line in _consent(row)]
    lines += [f"  {line}" for line in _behaviour(row)]
    lines += [f"  {line}" for line in [*_sent(records), *owed]]
    return "\n".join(lines)


def _consent(row: dict[str, Any]) -> list[str]:
    code, lines = row["reason_code"], []
    if row["consent_event_id"]:
        verb = "withdrawn" if code == "AUTHORIZATION_WITHDRAWN" else "signed"
        lines.append(
            f"Deciding document: {row['document_code']} {row['document_version']}, {verb} "
            f"{row['decided_at']:%Y-%m-%d %H:%M} (event {row['consent_event_id']})."
        )
        if row["is_in_run_off"]:
            lines.append("Withdrawn since; the account runs off until its closing record.")
    elif code == "AUTHORIZED_AFTER_MONTH_END":
        lines.append(
            f"First signature: {row['first_signed_at']:%Y-%m-%d %H:%M}, after the report date "
            f"{row['report_date']}."
        )
    elif code == "REPORTER_NOT_NAMED":
        lines.append(f"The authorization names {row['reporters_named']} instead.")
    if code in ("NOT_AUTHORIZED", "CONTRACT_CONSENT_MISSING"):
        held = row["documents_signed"] or "none"
        lines.append(f"Documents signed by {row['report_date']}: {held}.")
    return lines


def _behaviour(row: dict[str, Any]) -> list[str]:
    status = row["repayment_status"]
    if status is None:
        return []
    words = STATUS_WORDS.get(status, f"{row['days_past_due']} days past due")
    lines = [f"Ledger at {row['status_date']}: status {status}, {words}."]
    if row["reason_code"] == "NOTICE_PENDING":
        lines.append(
            f"Missing: a delivered notice for the episode of {row['episode_started_on']}; "
            "the month stays owed and goes out once it is delivered."
        )
    elif row["notice_delivered_at"]:
        lines.append(
            f"Advance notice for the episode of {row['episode_started_on']}: delivered "
            f"{row['notice_delivered_at']:%Y-%m-%d %H:%M}."
        )
    return lines


def _sent(records: list[tuple[Any, ...]]) -> list[str]:
    if not records:
        return ["Records built so far: none."]
    _, report_date, code, status, overdue, state, name = records[-1]
    where = f" in {name}" if name else ""
    days = {record[1] for record in records}
    return [
        f"Records built so far: {len(days)}; the last of {report_date}, code {code}, "
        f"status {status}, overdue {overdue} CNY, {state}{where}."
    ]
