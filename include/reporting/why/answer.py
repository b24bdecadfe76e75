"""Explain whether a customer is reported, since when, by which document, or why not.

The answer comes from the published tables alone and has one paragraph for each account.
"""

from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Any

import duckdb
from rich.console import RenderableType
from rich.text import Text

from reporting.core.run import parse_month
from reporting.core.safe_text import looks_personal
from reporting.core.seeds import code_words, feedback_code, reasons
from reporting.core.settings import Settings
from reporting.store.published_database import open_published
from reporting.why import facts
from reporting.why.facts import PendingMonth, QuarantinedRow, SentRecord

CONSENT_EVENT = "Consent event"
MOST_ROWS = 5  # quarantined rows that are named
WAITS = "Until it is corrected, no record and no advance notice that it concerns is written."
NO_NOTICE = "It does not count as a notice: a month that needs one stays pending."


def explain(given: str, month: str | None, settings: Settings) -> RenderableType:
    """The answer for a customer or an account in one month, by default the latest built.

    It answers three questions: is anything in a file, is this month reported, and why. Raises
    BadCall for an id that is in no built month.
    """
    wanted = parse_month(month) if month else None
    with open_published(settings) as connection:
        answered = facts.month_to_answer(connection, wanted)
        opening = _opening(wanted, answered)
        subject = facts.subject_of(connection, given, answered)
        rows = facts.accounts_of_person(connection, subject, answered)
        if not rows:
            return Text("\n\n".join([*opening, _without_verdict(connection, subject, answered)]))
        customer = rows[0]["customer_id"]
        accounts = [row["account_id"] for row in rows]
        records = facts.records_of(connection, accounts, answered, customer)
        pending = _pending(connection, accounts, answered)
        missing = _rows_missing(connection, accounts, answered)
        is_held = any(
            record.state == "WITHHELD" and "H04" in (record.rule_ids or "")
            for own in records.values()
            for record in own
            if record.report_month == answered
        )
        waiting = _of_person_missing(connection, customer, answered, is_held)
        others = facts.accounts_without_verdict(connection, customer, answered)
        person = [
            f"Customer {customer}, {len(rows) + len(others)} account(s), month {answered:%Y-%m}",
            _person_in_files(connection, customer, answered),
            *waiting,
        ]
        missed = [
            _without_verdict(connection, facts.Subject(one, is_account=True), answered, customer)
            for one in others
        ]
    event_waits = any(line.startswith(CONSENT_EVENT) for line in waiting)
    paragraphs = [
        _paragraph(
            row | {"event_waits": event_waits},
            records.get(row["account_id"], []),
            [*missing.get(row["account_id"], []), *pending.get(row["account_id"], [])],
        )
        for row in rows
    ]
    return Text("\n\n".join([*opening, "\n".join(person), *paragraphs, *missed]))


def as_values(given: str, month: str | None, settings: Settings) -> dict[str, Any]:
    """The facts that ``explain`` puts into words, in values that JSON can hold.

    Raises BadCall for an id that is in no built month. Without a verdict in the month ``accounts``
    is empty, and the rows in quarantine and what was sent say why.
    """
    with open_published(settings) as connection:
        answered = facts.month_to_answer(connection, parse_month(month) if month else None)
        subject = facts.subject_of(connection, given, answered)
        rows = facts.accounts_of_person(connection, subject, answered)
        if rows:
            missed = facts.accounts_without_verdict(connection, rows[0]["customer_id"], answered)
            accounts = [*(row["account_id"] for row in rows), *missed]
            quarantined = [
                *facts.rows_of_person(connection, rows[0]["customer_id"], answered),
                *(
                    row
                    for one in accounts
                    for row in facts.rows_of_account(connection, one, answered)
                ),
            ]
        else:
            quarantined = facts.rows_with_id(connection, subject, answered)
            accounts = facts.accounts_ever(connection, subject, quarantined)
        customer = rows[0]["customer_id"] if rows else None
        records = facts.records_of(connection, accounts, answered, customer)
        pending = facts.pending_months(connection, accounts, answered)
        if not rows and not quarantined and not records:
            raise facts.unknown_id(connection, subject, answered)
    return {
        "month": f"{answered:%Y-%m}",
        "accounts": [row | {"sentence": reasons()[row["reason_code"]].sentence} for row in rows],
        "records": {account: [asdict(one) for one in own] for account, own in records.items()},
        "pending": {account: [asdict(one) for one in own] for account, own in pending.items()},
        "quarantined_rows": [_row_values(row) for row in quarantined],
    }


def _row_values(row: QuarantinedRow) -> dict[str, Any]:
    key = None if looks_personal(row.row_key) else row.row_key
    return asdict(row) | {"row_key": key}


def accounts_of(given: str, month: str | None, settings: Settings) -> tuple[list[str], date]:
    """The account with this id, or all accounts of the customer with this id, and the month.

    The month is the one that ``explain`` uses.
    """
    with open_published(settings) as connection:
        answered = facts.month_to_answer(connection, parse_month(month) if month else None)
        subject = facts.subject_of(connection, given, answered)
        rows = facts.accounts_of_person(connection, subject, answered)
    return [row["account_id"] for row in rows if row[subject.column] == subject.id], answered


def _opening(wanted: date | None, answered: date) -> list[str]:
    """What is said first where another month than the wanted one is answered."""
    if wanted in (None, answered):
        return []
    return [
        f"Month {wanted:%Y-%m} is not built: this system reported nothing about it. "
        f"The nearest built month, {answered:%Y-%m}, says:"
    ]


def _without_verdict(
    connection: duckdb.DuckDBPyConnection,
    subject: facts.Subject,
    month: date,
    customer_id: str | None = None,
) -> str:
    """The answer if the month has no verdict: the row is in quarantine, or no row has this id.

    With a customer only what was sent about this person, as in ``facts.records_of``.
    """
    rejected = facts.rows_with_id(connection, subject, month)
    accounts = facts.accounts_ever(connection, subject, rejected)
    records = facts.records_of(connection, accounts, month, customer_id)
    sent = sorted((one for own in records.values() for one in own), key=lambda one: one.report_date)
    if not rejected and not sent:
        raise facts.unknown_id(connection, subject, month)
    lines = [
        f"{subject.id}: NO, not for month {month:%Y-%m}: no row of it is in the data of this month."
    ] * (not rejected)
    lines += [
        f"{subject.id}: NO, not for month {month:%Y-%m}: {_named_row(row)} is in quarantine for "
        f"{row.broken}. Once it is delivered corrected, the next run counts it."
        for row in rejected
    ]
    pending = _pending(connection, accounts, month).values()
    more = [
        f"In the credit report: {_in_files(_by_then(sent, month))}",
        *(line for own in pending for line in own),
        *_since_then(sent, month),
    ]
    return "\n".join([*lines, *(f"  {line}" for line in more)])


def _named_row(row: QuarantinedRow) -> str:
    """Table, key and file of a row; a key that may be personal data is left out."""
    key = "a row" if looks_personal(row.row_key) or not row.row_key else f"row {row.row_key}"
    where = f" (file {row.source_file})" if row.source_file else ""
    return f"{key} of {row.table_name}{where}"


def _person_in_files(connection: duckdb.DuckDBPyConnection, customer_id: str, month: date) -> str:
    """Whether the person's basic information is in a file."""
    first = facts.person_sent_since(connection, customer_id, month)
    if first is None:
        return "Basic information of the person (record 110): in no file."
    return f"Basic information of the person (record 110): in a file since {first:%Y-%m}."


def _of_person_missing(
    connection: duckdb.DuckDBPyConnection, customer_id: str, month: date, is_held: bool
) -> list[str]:
    """The person's own rows and consent events in quarantine; an event may be a withdrawal."""
    effect = (
        "It may be a withdrawal: no further record is written until it is delivered corrected."
        if is_held
        else "It does not count, and no record of this month waits for it."
    )
    rows = facts.rows_of_person(connection, customer_id, month)
    return _first(
        [
            f"Row of the customer in quarantine: {_named_row(row)}, for {row.broken}."
            if row.table_name == "customers"
            else f"{CONSENT_EVENT} in quarantine: {_named_row(row)}, for {row.broken}. {effect}"
            for row in rows
        ]
    )


def _first(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - MOST_ROWS
    return lines[:MOST_ROWS] + [f"And {more} more."] * (more > 0)


def _pending(
    connection: duckdb.DuckDBPyConnection, accounts: list[str], month: date
) -> dict[str, list[str]]:
    """For each account a sentence on its months that were pending after this month."""
    found: dict[str, dict[str, list[str]]] = {}
    for account, pending in facts.pending_months(connection, accounts, month).items():
        for one in pending:
            months = found.setdefault(account, {}).setdefault(_cause(one), [])
            months.append(f"{one.month:%Y-%m}")
    return {
        account: [
            f"Still pending: {', '.join(held)}, since {cause}." for cause, held in causes.items()
        ]
        for account, causes in found.items()
    }


def _cause(one: PendingMonth) -> str:
    """Why a month is pending."""
    if one.held_back_by == "WITHHELD":
        return f"its record fails {one.broken} and waits for repair"
    if one.held_back_by == "NOTICE_PENDING":
        return f"no notice for the episode of {one.episode_started_on} was delivered in time"
    return f"it is held back as {one.held_back_by}"


def _rows_missing(
    connection: duckdb.DuckDBPyConnection, accounts: list[str], month: date
) -> dict[str, list[str]]:
    """For each account a sentence on each quarantined row that its ledger lacks.

    A row whose account id differs only in form counts too.
    """
    return {
        account: _first(
            [
                f"In quarantine, so not in this ledger: {_named_row(row)}, for {row.broken}. "
                + _effect(row)
                for row in facts.rows_of_account(connection, account, month)
            ]
        )
        for account in accounts
    }


def _effect(row: QuarantinedRow) -> str:
    """What a row in quarantine holds back: a notice or a dispute only what it moves between."""
    if "KEY_CHANGES_SUBJECT" in row.rule_ids:
        return WAITS
    stays = {
        "adverse_notices": NO_NOTICE,
        "disputes": "It does not count, and nothing waits for it.",
    }
    return stays.get(row.table_name, WAITS)


def _paragraph(row: dict[str, Any], records: list[SentRecord], more: list[str]) -> str:
    reason = reasons()[row["reason_code"]]
    head = (
        f"Account {row['account_id']} ({row['product_code']}, furnished by {row['reporter_code']})"
    )
    month = row["report_month"]
    known = _by_then(records, month)
    lines = [
        f"In the credit report: {_in_files(known)}",
        *_at_the_bureau(known),
        f"Month {month:%Y-%m}: {_of_month(row, known, reason.sentence)}",
        *_since_then(records, month),
        f"Rule: {reason.reason_code} ({reason.citation}).",
        *_identity(row),
        *_consent(row),
        *_behaviour(row, is_sent=bool(_sent_about(row, records))),
        *more,
    ]
    return "\n".join([head, *(f"  {line}" for line in lines)])


def _of_month(row: dict[str, Any], records: list[SentRecord], sentence: str) -> str:
    """Whether the month is in a file, withheld or not reported."""
    if not row["is_reportable"]:
        if sent := _sent_about(row, records):
            return f"reported by a supplement, its record is in {sent[-1].file_name}."
        waits = row["event_waits"] and row["reason_code"] in facts.WITHOUT_SIGNATURE
        without = " That is without the consent events in quarantine named above." * waits
        return f"not reported. {sentence}{without}"
    for record in records:
        if record.report_date == row["report_date"] and record.is_in_file:
            return f"reported, its record is in {record.file_name}."
    withheld = [
        one for one in records if one.report_date == row["report_date"] and one.state == "WITHHELD"
    ]
    if withheld:
        return (
            "reportable, but its record is withheld "
            f"(rules {withheld[-1].rule_ids}); the month stays pending."
        )
    if any(one.report_date == row["report_date"] and one.state == "REJECTED" for one in records):
        return "reportable; the bureau rejected its record, and the next run sends it again."
    return "reportable; no record of it is in a file yet."


def _sent_about(row: dict[str, Any], records: list[SentRecord]) -> list[SentRecord]:
    """The records about the month of a verdict that are in a file."""
    return [
        one
        for one in records
        if one.is_in_file and one.report_date.replace(day=1) == row["report_month"]
    ]


def _since_then(records: list[SentRecord], month: date) -> list[str]:
    """What later runs sent about the month of an answer and those before it."""
    return _first(
        [
            f"Since then: the record of {one.report_date} is in {one.file_name}, "
            f"by the run of {one.report_month:%Y-%m}."
            for one in records
            if one.report_month > month and one.is_in_file
        ]
    )


def _by_then(records: list[SentRecord], month: date) -> list[SentRecord]:
    """The records that runs of the month of an answer and earlier ones built."""
    return [one for one in records if one.report_month <= month]


def _identity(row: dict[str, Any]) -> list[str]:
    if row["reason_code"] != "IDENTITY_INVALID":
        return []
    return [f"Faults of the identity: {row['identity_faults']}."]


def _consent(row: dict[str, Any]) -> list[str]:
    code, lines = row["reason_code"], []
    if row["consent_event_id"]:
        verb = "withdrawn" if code == "AUTHORIZATION_WITHDRAWN" else "signed"
        lines.append(
            f"Deciding document: {row['document_code']} {row['document_version']}, {verb} "
            f"{row['decided_at']:%Y-%m-%d %H:%M} (event {row['consent_event_id']})."
        )
        if row["is_text_registered"] is False:
            lines.append(
                "The text of this document is not registered (seeds/consent_texts.csv): "
                "compliance must say which text was signed."
            )
        if row["is_in_run_off"]:
            lines.append(
                f"Withdrawn {row['withdrawn_at']:%Y-%m-%d %H:%M}; the account runs off until its "
                "closing record."
            )
    elif code == "AUTHORIZED_AFTER_MONTH_END":
        lines.append(
            f"First signature: {row['first_signed_at']:%Y-%m-%d %H:%M}, after the report date "
            f"{row['report_date']}."
        )
    elif code == "REPORTER_NOT_NAMED":
        lines.append(f"The authorization names {row['reporters_named']} instead.")
    if code in ("NOT_AUTHORIZED", "CONTRACT_CONSENT_MISSING"):
        held = row["documents_signed"] or "none"
        lines.append(f"Documents signed for this product by {row['report_date']}: {held}.")
    return lines


def _behaviour(row: dict[str, Any], is_sent: bool) -> list[str]:
    status = row["repayment_status"]
    closing = [f"Closed on {row['closed_on']}."] if row["closed_on"] else []
    if status is None:
        return closing
    words = code_words("repayment_status").get(status)
    said = words["meaning"] if words else f"{row['days_past_due']} days past due"
    lines = [*closing, f"Ledger at {row['status_date']}: status {status}, {said}."]
    if row["reason_code"] == "NOTICE_PENDING" and not is_sent:
        lines.append(
            f"Missing: a delivered notice for the episode of {row['episode_started_on']}; "
            "the month stays pending and is reported once it is delivered."
        )
    elif row["notice_delivered_at"]:
        lines.append(
            f"Advance notice for the episode of {row['episode_started_on']}: delivered "
            f"{row['notice_delivered_at']:%Y-%m-%d %H:%M}."
        )
    return lines


def _in_files(records: list[SentRecord]) -> str:
    """Whether anything about an account is in a file, since when, and what the last record says."""
    sent = [record for record in records if record.is_in_file]
    if not sent:
        was_rejected = any(record.state == "REJECTED" for record in records)
        return "NO, " + (
            "the bureau rejected every record about it."
            if was_rejected
            else "no record about it is in a file."
        )
    last = sent[-1]
    closed = (
        f", as closed since {last.report_date}" if last.report_date_code in facts.CLOSING else ""
    )
    days = {record.report_date for record in sent}
    return (
        f"YES, since {sent[0].report_date:%Y-%m}{closed}. Records in files: {len(days)}; the last "
        f"of {last.report_date}, code {last.report_date_code}, status {last.repayment_status}, "
        f"overdue {last.overdue_total} CNY, in {last.file_name}."
    )


def _at_the_bureau(records: list[SentRecord]) -> list[str]:
    """What the bureau has answered about an account, as far as its files were released."""
    counts = Counter(record.state for record in records)
    if not counts.keys() & {"RELEASED", "ACCEPTED", "REJECTED"}:
        prepared = "At the bureau: nothing of it was released yet; its records are prepared."
        return [prepared] if counts["BUILT"] else []
    words = {"ACCEPTED": "accepted", "RELEASED": "not answered yet", "BUILT": "not released yet"}
    said = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
    for record in records:
        if record.state == "REJECTED":
            known = feedback_code(record.feedback_code or "")
            meaning = f": {known.meaning}" if known else ""
            again = any(one.report_date == record.report_date and one.is_in_file for one in records)
            said.append(
                f"the one of {record.report_date} rejected ({record.feedback_code}{meaning})"
                + (" and sent again" if again else "")
            )
    return [f"At the bureau: {', '.join(said)}."]
