"""What the published tables say of one customer or account: rows, records, pending months.

Facts alone, without words: ``answer`` words them for an expert, package ``statement`` for the
customer. They hold pseudonymous ids and amounts, and no personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from reporting.core.database import filled
from reporting.core.errors import BadCall
from reporting.store.published_database import months_shown
from reporting.why.ids import without_form

MOST_IDS = 5  # ids that are proposed
CLOSING = ("20", "32")  # report-time codes of a closed account
# Verdicts that a consent event in quarantine might change.
WITHOUT_SIGNATURE = (
    *("NOT_AUTHORIZED", "CONTRACT_CONSENT_MISSING"),
    *("AUTHORIZED_AFTER_MONTH_END", "REPORTER_NOT_NAMED"),
)


@dataclass(frozen=True)
class Subject:
    """Whom an answer is about: a customer, or the customer of an account."""

    id: str
    is_account: bool

    @property
    def column(self) -> str:
        """The column that holds this id."""
        return "account_id" if self.is_account else "customer_id"


@dataclass(frozen=True)
class QuarantinedRow:
    """A delivered row that does not count, and why."""

    account_id: str | None
    table_name: str
    row_key: str
    source_file: str | None
    broken: str  # its rules, each with its sentence
    rule_ids: list[str]


@dataclass(frozen=True)
class SentRecord:
    """One record 210 that was built, and its file."""

    report_month: date
    report_date: date
    report_date_code: str
    repayment_status: str | None
    overdue_total: Decimal | None
    state: str
    file_name: str | None
    rule_ids: str | None
    feedback_code: str | None

    @property
    def is_in_file(self) -> bool:
        """Whether it is in a file that the bureau has not rejected it from."""
        return bool(self.file_name) and self.state != "REJECTED"


@dataclass(frozen=True)
class PendingMonth:
    """An account-month that was pending after a month's run, and what holds it."""

    month: date
    held_back_by: str
    episode_started_on: date | None
    broken: str | None  # rules that its record fails, each with its sentence


def month_to_answer(connection: duckdb.DuckDBPyConnection, wanted: date | None) -> date:
    """The built month that is answered for: the wanted one, else the nearest; by default the last.

    Raises BadCall if no month is built.
    """
    built = [entry.month for entry in months_shown(connection)]
    if not built:
        raise BadCall("no month is built yet: run `reporting run --month YYYY-MM` first")
    if wanted is None or wanted in built:
        return wanted or built[-1]
    earlier = [month for month in built if month < wanted]
    return earlier[-1] if earlier else built[0]


def subject_of(connection: duckdb.DuckDBPyConnection, given: str, month: date) -> Subject:
    """Whose id it is: a customer's before an account's; ``customer:ID``, ``account:ID`` choose.

    Raises BadCall where one id is a customer's and an account's of somebody else: the answer would
    be about the wrong person.
    """
    kind, _, chosen = given.partition(":")
    if chosen and kind in ("customer", "account"):
        return Subject(chosen, kind == "account")
    query = filled(
        """
        with named as (  -- by one column each: so the engine skips what holds no such value
            select customer_id, account_id
            from marts.reportable_population
            where report_month = $month and customer_id = $id
            union
            select customer_id, account_id
            from marts.reportable_population
            where report_month = $month and account_id = $id
            union
            select customer_id, account_id
            from marts.submission_records
            where record_type = '210' and customer_id = $id
            union
            select customer_id, account_id
            from marts.submission_records
            where record_type = '210' and account_id = $id
            union
            select subject_id, null
            from marts.submission_records
            where record_type = '110' and subject_id = $id
            union
            select
                case table_name when 'customers' then row_key else customer_id end,
                case table_name when 'accounts' then row_key end
            from marts.quarantined_rows
            where table_name in ('accounts', 'customers') and $id in (customer_id, row_key)
        )

        select
            coalesce(bool_or(customer_id = $id), false),
            coalesce(bool_or(account_id = $id), false),
            coalesce(  -- an account of which no customer is named may be anybody's
                bool_or(customer_id <> $id) filter (where account_id = $id),
                bool_or(account_id = $id),
                false
            )
        from named
        """,
        month=month,
        id=given,
    )
    ((is_customer, is_account, is_of_another),) = connection.execute(query).fetchall()
    if is_customer and is_of_another:
        raise BadCall(
            f"{given!r} is the id of a customer, and of another customer's account: "
            f"give customer:{given} or account:{given}"
        )
    return Subject(given, is_account and not is_customer)


def accounts_of_person(
    connection: duckdb.DuckDBPyConnection, subject: Subject, month: date
) -> list[dict[str, Any]]:
    """Every account of the customer, or of the account's customer, with its status.

    A first query finds the account ids, so that the second one skips nearly all rows.
    """
    query = filled(
        f"""
        select account_id from marts.reportable_population
        where report_month = $month and customer_id in (
            select customer_id from marts.reportable_population
            where report_month = $month and {subject.column} = $id
        )
        """,
        month=month,
        id=subject.id,
    )
    accounts = [account_id for (account_id,) in connection.execute(query).fetchall()]
    query = filled(
        """
        select population.*, status.repayment_status, status.days_past_due, status.overdue_total,
            status.oldest_unpaid_due_on, status.report_date as status_date
        from marts.reportable_population as population
        left join (
            select * from marts.repayment_status
            where report_month = $month and account_id in $accounts
        ) as status
            on population.account_id = status.account_id
        where population.report_month = $month and population.account_id in $accounts
        order by population.account_id
        """,
        month=month,
        accounts=accounts,
    )
    return named_rows(connection.execute(query))


def rows_with_id(
    connection: duckdb.DuckDBPyConnection, subject: Subject, month: date
) -> list[QuarantinedRow]:
    """The quarantined rows that name this customer or account; of a customer, the accounts too."""
    which = (
        "table_name = 'accounts' and row_key = $id"
        if subject.is_account
        else "table_name in ('accounts', 'customers') and (customer_id = $id "
        "or (table_name = 'customers' and row_key = $id))"
    )
    return quarantined_rows(connection, month, which, id=subject.id)


def rows_of_person(
    connection: duckdb.DuckDBPyConnection, customer_id: str, month: date
) -> list[QuarantinedRow]:
    """The person's own quarantined rows and consent events, also under an id of another form."""
    which = "table_name in ('customers', 'consents') and customer_id in $ids"
    ids = _ids_meant(connection, "customer_id", customer_id, month)
    return quarantined_rows(connection, month, which, ids=ids)


def rows_of_account(
    connection: duckdb.DuckDBPyConnection, account_id: str, month: date
) -> list[QuarantinedRow]:
    """The quarantined rows that an account's ledger lacks, also under an id of another form."""
    ids = _ids_meant(connection, "account_id", account_id, month)
    return quarantined_rows(connection, month, "account_id in $ids", ids=ids)


def _ids_meant(
    connection: duckdb.DuckDBPyConnection, column: str, known: str, month: date
) -> list[str]:
    """A known id, and those of quarantined rows that differ from it in form alone.

    One that somebody else has is not meant: the population is asked only about such ids.
    """
    query = filled(
        f"select distinct {column} from marts.quarantined_rows "
        f"where {column} <> $id and {without_form(column)} = {without_form('$id')}",
        id=known,
    )
    alike = [one for (one,) in connection.execute(query).fetchall()]
    if not alike:
        return [known]
    query = filled(
        f"select distinct {column} from marts.reportable_population "
        f"where report_month = $month and {column} in $alike",
        month=month,
        alike=alike,
    )
    others = {one for (one,) in connection.execute(query).fetchall()}
    return [known, *(one for one in alike if one not in others)]


def quarantined_rows(
    connection: duckdb.DuckDBPyConnection, month: date, which: str, **given: str | Sequence[str]
) -> list[QuarantinedRow]:
    """The rows in quarantine at a month's cut-off that meet a condition about what is given."""
    query = filled(
        "select account_id, table_name, row_key, source_file, string_agg(distinct rule_id || ' ('"
        " || reason || ')', ', ' order by rule_id || ' (' || reason || ')'),"
        " list(distinct rule_id order by rule_id) from marts.quarantined_rows "
        "where (select as_of from marts.built_months where report_month = $month) "
        f"between first_seen and last_seen and {which} group by all order by all",
        month=month,
        **given,
    )
    return [QuarantinedRow(*row) for row in connection.execute(query).fetchall()]


def accounts_ever(
    connection: duckdb.DuckDBPyConnection, subject: Subject, rejected: list[QuarantinedRow]
) -> list[str]:
    """The account with this id, or those of the customer: in quarantine or sent before."""
    if subject.is_account:
        return [subject.id]
    query = filled(
        "select distinct account_id from marts.submission_records "
        "where record_type = '210' and customer_id = $id",
        id=subject.id,
    )
    sent = connection.execute(query).fetchall()
    return sorted({row.account_id for row in rejected if row.account_id} | {one for (one,) in sent})


def accounts_without_verdict(
    connection: duckdb.DuckDBPyConnection, customer_id: str, month: date
) -> list[str]:
    """The customer's accounts that this month's verdicts lack: in quarantine, or sent before."""
    rows = rows_with_id(connection, Subject(customer_id, is_account=False), month)
    query = filled(
        "select account_id from marts.accounts_known "
        "where report_month = $month and customer_id = $id and state <> 'WITHHELD'",
        month=month,
        id=customer_id,
    )
    sent = {one for (one,) in connection.execute(query).fetchall()}
    if not (found := sorted({one.account_id for one in rows if one.account_id} | sent)):
        return []
    query = filled(
        "select account_id from marts.reportable_population "
        "where report_month = $month and account_id in $accounts",
        month=month,
        accounts=found,
    )
    judged = {one for (one,) in connection.execute(query).fetchall()}
    return [one for one in found if one not in judged]


def unknown_id(connection: duckdb.DuckDBPyConnection, subject: Subject, month: date) -> BadCall:
    """The error for an id that no data of the month names.

    It proposes ids that differ in form alone: one that differs in a sign is another person's.
    """
    query = filled(
        f"""
        select distinct id
        from (
            select unnest([customer_id, account_id]) as id
            from marts.reportable_population
            where report_month = $month
        ) as ids
        where {without_form("id")} = {without_form("$subject")} and id <> $subject
        order by id limit {MOST_IDS}
        """,
        month=month,
        subject=subject.id,
    )
    found = connection.execute(query).fetchall()
    proposal = (
        f"did you mean {' or '.join(one for (one,) in found)}?"
        if found
        else "give the pseudonymous customer_id or account_id of the raw tables, or another --month"
    )
    return BadCall(f"no customer or account {subject.id!r} in month {month:%Y-%m}; {proposal}")


def records_of(
    connection: duckdb.DuckDBPyConnection,
    accounts: list[str],
    month: date,
    customer_id: str | None = None,
) -> dict[str, list[SentRecord]]:
    """For each account its records 210 about this month and earlier ones, of later runs, too.

    With a customer only what was said of this person: an account may have been another's before.
    """
    about = "customer_id is null or customer_id = $customer" if customer_id else "true"
    found: dict[str, list[SentRecord]] = {}
    columns = ", ".join(field.name for field in fields(SentRecord))
    query = filled(
        f"select account_id, {columns} from marts.submission_records "
        f"where account_id in $accounts and report_date <= last_day($month) and ({about}) "
        "order by report_date, report_month, as_of",
        accounts=accounts,
        month=month,
        **({"customer": customer_id} if customer_id else {}),
    )
    for account_id, *row in connection.execute(query).fetchall():
        found.setdefault(account_id, []).append(SentRecord(*row))
    return found


def person_sent_since(
    connection: duckdb.DuckDBPyConnection, customer_id: str, month: date
) -> date | None:
    """The month since which the person's basic information is in a file."""
    query = filled(
        "select min(report_month) from marts.submission_records where record_type = '110' "
        "and subject_id = $id and report_date <= last_day($month) "
        "and file_name is not null and state <> 'REJECTED'",
        id=customer_id,
        month=month,
    )
    ((first,),) = connection.execute(query).fetchall()
    return first if isinstance(first, date) else None


def pending_months(
    connection: duckdb.DuckDBPyConnection, accounts: list[str], month: date
) -> dict[str, list[PendingMonth]]:
    """For each account its months that were pending after this month, oldest first."""
    found: dict[str, list[PendingMonth]] = {}
    query = filled(
        "select owed.account_id, owed.owed_month, owed.held_back_by, owed.episode_started_on, "
        "string_agg(rules.rule_id || ' (' || rules.sentence || ')', ', ' order by rules.rule_id) "
        "from marts.months_owed as owed left join marts.bureau_rules as rules "
        "on owed.held_back_by = 'WITHHELD' and rules.severity = 'E' "
        "and list_contains(string_split(owed.rule_ids, ', '), rules.rule_id) "
        "where owed.account_id in $accounts and owed.report_month = $month "
        "group by all order by owed.owed_month",
        accounts=accounts,
        month=month,
    )
    for account_id, *row in connection.execute(query).fetchall():
        found.setdefault(account_id, []).append(PendingMonth(*row))
    return found


def named_rows(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
