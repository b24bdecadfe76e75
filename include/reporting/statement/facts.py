"""What was reported of one customer: accounts, every record with its values, pending months.

Read from the published tables alone, so it holds pseudonymous ids, amounts and hashes. A record
says what was sent by its own columns of ``marts.submission_records``.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import duckdb

from reporting.core.run import parse_month
from reporting.core.settings import Settings
from reporting.statement.language import record_fields
from reporting.store.published_database import months_shown, open_published
from reporting.why import facts
from reporting.why.facts import QuarantinedRow, Subject


class Standing(StrEnum):
    """How far an account, or all of a person, has come; the furthest first."""

    IN_REPORT = "IN_REPORT"  # the bureau accepted a record
    SENT = "SENT"  # sent, not answered
    PREPARED = "PREPARED"  # in a file that is not sent
    REJECTED = "REJECTED"  # the bureau rejected every record
    HELD = "HELD"  # reportable, and no record is in a file
    NOT_REPORTED = "NOT_REPORTED"


BY_STATE = {
    "ACCEPTED": Standing.IN_REPORT,
    "RELEASED": Standing.SENT,
    "BUILT": Standing.PREPARED,
    "REJECTED": Standing.REJECTED,
    "WITHHELD": Standing.HELD,
}


IN_A_FILE = ("BUILT", "RELEASED", "ACCEPTED")  # states
ADVERSE = (*"1234567", "B")  # what needs an advance notice (bureau interface, section 3.2)


@dataclass(frozen=True)
class Record:
    """The newest record about one day, and what became of those before it about the same day."""

    record_type: str
    reporter_code: str
    subject_id: str
    account_id: str | None
    product_code: str | None
    report_date: date
    report_date_code: str
    state: str
    file_name: str | None
    sent_at: datetime | None
    feedback_code: str | None
    rule_ids: str | None
    values: dict[str, Any]  # column -> value; only elements that the record holds
    segments: list[str]
    before: list[tuple[str, str | None]]  # state and feedback code, oldest first


@dataclass(frozen=True)
class Pending:
    """A month that is pending."""

    account_id: str
    month: date
    held_back_by: str


@dataclass(frozen=True)
class Account:
    """An account of the customer; ``row`` is its verdict, None where the month's data lack it."""

    account_id: str
    product_code: str
    reporter_code: str
    row: dict[str, Any] | None
    records: list[Record]
    pending: list[Pending]
    quarantined: list[QuarantinedRow]

    @property
    def standing(self) -> Standing:
        """How far the account has come."""
        reached = {BY_STATE[record.state] for record in self.records}
        if self.row is not None and self.row["is_reportable"]:
            reached.add(Standing.HELD)
        elif Standing.HELD in reached and not self.pending:  # withheld once, reportable no more
            reached.remove(Standing.HELD)
        return furthest(reached)

    @property
    def adverse(self) -> list[Record]:
        """The records in a file that say overdue or bad debt, oldest first."""
        return [
            record
            for record in self.records
            if record.values.get("rpy_status") in ADVERSE
            and record.state in ("ACCEPTED", "RELEASED", "BUILT")
        ]

    def sent_about(self, month: date) -> Record | None:
        """The record about a month that is in a released file, if there is one."""
        of_month = [
            record
            for record in self.records
            if record.report_date.replace(day=1) == month
            and record.state in ("RELEASED", "ACCEPTED")
        ]
        return of_month[-1] if of_month else None

    def reached(self, standing: Standing) -> list[Record]:
        """The records that have come so far, oldest first."""
        return [record for record in self.records if BY_STATE[record.state] is standing]


@dataclass(frozen=True)
class Statement:
    """All that a statement says of a customer, without words."""

    customer_id: str  # or the id that was given, where no data name its customer
    month: date
    wanted: date | None  # the month that was wanted, where it is not built
    as_of: datetime
    accounts: list[Account]
    person_records: list[Record]
    agreement_records: list[Record]
    quarantined: list[QuarantinedRow]  # rows of the person, and consent events

    @property
    def of_accounts(self) -> Standing:
        """How far the furthest account has come."""
        return furthest({account.standing for account in self.accounts})

    @property
    def standing(self) -> Standing:
        """How far the furthest record of any kind has come.

        Basic information and agreement may be sent while the account's own record is withheld.
        Withheld themselves, they wait only for as long as an account is to be reported.
        """
        others = {
            BY_STATE[one.state] for one in (*self.person_records, *self.agreement_records)
        } - {Standing.HELD}
        return furthest({self.of_accounts, *others})


def furthest(reached: set[Standing]) -> Standing:
    """The furthest of some standings."""
    return next((one for one in Standing if one in reached), Standing.NOT_REPORTED)


def statement_of(given: str, month: str | None, settings: Settings) -> Statement:
    """What was reported of a customer, or of the customer of an account, as things stand today.

    ``month`` is the one whose verdict is explained, by default the newest built: records and
    pending months are today's, so that no customer hears of a state that has passed. Raises BadCall
    for an id that no data of the month name.
    """
    wanted = parse_month(month) if month else None
    with open_published(settings) as connection:
        answered = facts.month_to_answer(connection, wanted)
        built = months_shown(connection)
        subject = facts.subject_of(connection, given, answered)
        rows = facts.accounts_of_person(connection, subject, answered)
        quarantined = [] if rows else facts.rows_with_id(connection, subject, answered)
        customer = None if subject.is_account else subject.id
        if rows:
            customer = rows[0]["customer_id"]
        elif subject.is_account and (named := _customer_of_records(connection, subject.id)):
            customer = named  # the month's data lack the account; a record names its customer
            rows = facts.accounts_of_person(connection, Subject(named, False), answered)
        ids = {
            *([subject.id] if subject.is_account else []),
            *(row["account_id"] for row in rows),
            *(one.account_id for one in quarantined if one.account_id),
        }
        records = _records(connection, customer, sorted(ids))
        if not rows and not quarantined and not records:
            raise facts.unknown_id(connection, subject, answered)
        by_id = {row["account_id"]: row for row in rows}
        sent = {one.account_id: one for one in records if one.account_id}
        every = sorted({*by_id, *sent})
        pending = _pending(connection, every)
        accounts = [
            Account(
                account_id=one,
                product_code=_either(by_id.get(one), sent.get(one), "product_code"),
                reporter_code=_either(by_id.get(one), sent.get(one), "reporter_code"),
                row=by_id.get(one),
                records=[record for record in records if record.account_id == one],
                pending=[entry for entry in pending if entry.account_id == one],
                quarantined=facts.rows_of_account(connection, one, answered),
            )
            for one in every
        ]
        return Statement(
            customer_id=customer or subject.id,
            month=answered,
            wanted=wanted if wanted != answered else None,
            as_of=next(entry.as_of for entry in built if entry.month == answered),
            accounts=accounts,
            person_records=[one for one in records if one.record_type == "110"],
            agreement_records=[one for one in records if one.record_type == "220"],
            quarantined=[
                *quarantined,
                *(facts.rows_of_person(connection, customer, answered) if customer else []),
            ],
        )


def _either(row: dict[str, Any] | None, record: Record | None, name: str) -> str:
    """A fact of an account from its row, else from its record."""
    return str((row[name] if row else getattr(record, name)) or "")


def _customer_of_records(connection: duckdb.DuckDBPyConnection, account: str) -> str | None:
    """The customer of this account, as the newest record that names one does."""
    found = connection.execute(
        "select customer_id from marts.submission_records where record_type = '210' "
        "and account_id = ? and customer_id is not null "
        "order by report_month desc, as_of desc limit 1",
        [account],
    ).fetchall()
    return found[0][0] if found else None


def _records(
    connection: duckdb.DuckDBPyConnection, customer: str | None, accounts: list[str]
) -> list[Record]:
    """Every record about the person, by type, account and day; one that names another is not."""
    rows = facts.named_rows(
        connection.execute(
            """
            with of_accounts as (
                select *
                from marts.submission_records
                where record_type = '210'
                    and (
                        customer_id = $customer
                        or (customer_id is null and list_contains($accounts, account_id))
                    )
            )

            select * from of_accounts
            union all
            select *
            from marts.submission_records
            where record_type = '110' and subject_id = $customer
            union all
            select *
            from marts.submission_records
            where record_type = '220'
                and (reporter_code, subject_id) in (
                    select (reporter_code, agreement_id) from of_accounts
                )
            order by record_type, reporter_code, subject_id, report_date, report_month, as_of
            """,
            {"customer": customer, "accounts": accounts},
        )
    )
    by_day: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = (row["record_type"], row["reporter_code"], row["subject_id"], row["report_date"])
        by_day.setdefault(key, []).append(row)
    return [_record(one) for attempts in by_day.values() for one in _split(attempts)]


def _split(attempts: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The attempts of a day: up to the last that went into a file, and what was withheld since."""
    sent = [place for place, one in enumerate(attempts, 1) if one["state"] in IN_A_FILE]
    if not sent or attempts[-1]["state"] != "WITHHELD":
        return [attempts]
    return [attempts[: sent[-1]], attempts[sent[-1] :]]


def _record(attempts: list[dict[str, Any]]) -> Record:
    *before, row = attempts
    columns = [one.column for one in record_fields()]
    return Record(
        **{
            name: row[name]
            for name in (
                *("record_type", "reporter_code", "subject_id", "account_id", "product_code"),
                *("report_date", "report_date_code", "state", "file_name", "feedback_code"),
                "rule_ids",
            )
        },
        sent_at=row["released_at"],
        # journals of older versions lack the values
        values={name: row[name] for name in columns if row.get(name) is not None},
        segments=[name for name, is_sent in json.loads(row["segment_hashes"]).items() if is_sent],
        before=[(one["state"], one["feedback_code"]) for one in before],
    )


def _pending(connection: duckdb.DuckDBPyConnection, accounts: list[str]) -> list[Pending]:
    """The months that are pending today."""
    rows = connection.execute(
        "select account_id, pending_month, held_back_by from marts.pending_now "
        "where account_id in (select unnest(?)) order by all",
        [accounts],
    ).fetchall()
    return [Pending(*row) for row in rows]
