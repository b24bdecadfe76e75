"""What of a delivery counts, row by row (contracts, section 1, "Conventions").

Per table: rows recorded after the cut-off do not exist; of equal rows one counts; of a key the
newest recording wins; the winner is then judged by the row rules. Each delivered row ends in
exactly one place, and each place is counted.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from .replay import invalid_reversals

REPORTERS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "reporters.csv"

Row = dict[str, Any]
Rows = list[Row]


class UnknownProductError(ValueError):
    """A ``product_code`` that the policy file does not hold: it stops the run."""


@dataclass(frozen=True)
class Table:
    """A raw table: its key, and which other columns must and which may be filled."""

    key: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the contract."""
        return (*self.key, *self.required, *self.optional, "recorded_at")


def _table(key: str, required: str, optional: str = "") -> Table:
    return Table(tuple(key.split()), tuple(required.split()), tuple(optional.split()))


# An unidentified customer is not a broken row: it stays and makes its accounts IDENTITY_INVALID.
TABLES = {
    "customers": _table(
        "customer_id",
        "",
        "name id_type id_number sex birth_date mobile_number email residence_address "
        "residence_district marital_status spouse_name spouse_id_type spouse_id_number "
        "education_level academic_degree employment_status employer_name is_student",
    ),
    "accounts": _table(
        "account_id",
        "customer_id product_code reporter_code opened_on",
        "matures_on closed_on closure_kind parent_account_id applied_district",
    ),
    "credit_limits": _table(
        "account_id effective_on", "credit_limit change_reason", "campaign_code"
    ),
    "consents": _table(
        "consent_event_id",
        "customer_id product_code reporter_code document_code document_version document_sha256 "
        "action occurred_at channel",
        "campaign_code",
    ),
    "transactions": _table(
        "transaction_id",
        "account_id transaction_type amount occurred_at",
        "reverses_transaction_id",
    ),
    "bills": _table(
        "bill_id",
        "account_id statement_on due_on principal_due interest_due fee_due",
        "minimum_due period_number period_count",
    ),
    "adverse_notices": _table(
        "notice_id", "account_id episode_started_on channel text_version sent_at", "delivered_at"
    ),
    "disputes": _table(
        "dispute_id",
        "account_id received_on claim",
        "disputed_month annotated_on answered_on outcome remark",
    ),
    "internal_scores": _table("customer_id scored_on", "score"),
}


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


SUBJECTS = {  # what a newer version may not change
    "accounts": "customer_id",
    "consents": "customer_id",
    "transactions": "account_id",
    "bills": "account_id",
    "adverse_notices": "account_id",
    "disputes": "account_id",
}
ROUNDED = re.compile(r"[+-]?\d+([.]\d*)?[eE][+]?\d+|\d+[.]0")  # by a spreadsheet
FIRST_DATE, LAST_DATE = date(1901, 1, 1), date(2099, 12, 31)
OPEN_ENDED = ("matures_on", "closed_on")  # a later date means none
LARGEST = 10**12  # yuan
AMOUNTS = ("amount", "credit_limit", "principal_due", "interest_due", "fee_due")

CODES = {  # table -> column -> the codes that may stand there (NULL is judged apart)
    "customers": {
        "sex": _codes("0 1 2 9"),
        "marital_status": _codes("10 20 21 22 23 30 40 90 91 99"),
        "education_level": _codes("10 20 30 40 60 70 80 90 91 99"),
        "academic_degree": _codes("1 2 3 4 5 9"),
        "employment_status": _codes("11 13 17 21 24 27 31 37 51 54 70 80 90 91 99"),
    },
    "accounts": {"closure_kind": _codes("settled transferred")},
    "credit_limits": {
        "change_reason": _codes("initial increase decrease suspended ended"),
    },
    "consents": {
        "action": _codes("signed withdrawn"),
        "document_code": _codes(
            "HUABEI_SERVICE_AGREEMENT ZHIMA_SERVICE_AGREEMENT PRODUCT_DESCRIPTION "
            "CREDIT_REPORTING_AUTHORIZATION"
        ),
    },
    "transactions": {
        "transaction_type": _codes(
            "purchase cash_draw repayment refund waiver penalty interest fee write_off reversal"
        ),
    },
    "disputes": {"outcome": _codes("upheld error_confirmed unverifiable")},
}
OF_ACCOUNT = ("credit_limits", "transactions", "bills", "adverse_notices", "disputes")
OF_CUSTOMER = ("consents", "internal_scores")


@dataclass
class Staged:
    """The good rows of each table and where every delivered row went."""

    good: dict[str, Rows] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    quarantined: list[tuple[str, tuple[Any, ...], str]] = field(default_factory=list)

    def reject(self, table: str, row: Row, reason: str) -> None:
        """Count and note a row that is outside the rules."""
        self.counts[table]["quarantined"] += 1
        self.quarantined.append((table, tuple(row[column] for column in TABLES[table].key), reason))

    def wait(self, table: str, rows: int = 1) -> None:
        """Count rows of an account or customer recorded after the cut-off (or such rows)."""
        self.counts[table]["after_cut_off"] += rows


@dataclass
class Versions:
    """One table after versions are settled."""

    winners: Rows  # to be judged by the row rules
    broken: list[tuple[Row, str]]  # no key, no time, or conflicting
    late_keys: Rows  # rows recorded after the cut-off
    keys_by_cut_off: set[tuple[Any, ...]]


def has_another_subject(table: str, versions: Rows) -> bool:
    """Whether two versions of one key are about different people or accounts."""
    if table == "customers":
        return any(
            is_another_person(one, other)
            for place, one in enumerate(versions)
            for other in versions[:place]
        )
    subject = SUBJECTS.get(table)
    return subject is not None and len({row[subject] for row in versions} - {None}) > 1


def is_another_person(one: Row, other: Row) -> bool:
    """Another document number and another name, birth date or sex; unknown ones are no other."""

    def differ(column: str, unknown: tuple[Any, ...] = (None,)) -> bool:
        values = {one[column], other[column]}
        return len(values) == 2 and not values & set(unknown)

    number = {str(row["id_number"]).upper() for row in (one, other) if row["id_number"]}
    return len(number) == 2 and (
        differ("name") or differ("birth_date") or differ("sex", (None, "0", "9"))
    )


def settle_versions(
    table: str, rows: Iterable[Row], as_of: datetime, counts: Counter[str]
) -> Versions:
    """Sort one table's rows into winners and the rest; counts duplicates, superseded and late."""
    layout = TABLES[table]
    versions: dict[tuple[Any, ...], dict[datetime, Rows]] = defaultdict(lambda: defaultdict(list))
    seen: set[tuple[Any, ...]] = set()
    settled = Versions([], [], [], set())
    for row in rows:
        counts["delivered"] += 1
        key = tuple(row[column] for column in layout.key)
        recorded_at = row["recorded_at"]
        is_moment = recorded_at is not None and value_fault("recorded_at", recorded_at) is None
        if is_moment and recorded_at > as_of:
            counts["after_cut_off"] += 1
            settled.late_keys.append(row)
            continue
        content = tuple(row[column] for column in layout.columns)
        if content in seen:
            counts["duplicates"] += 1
            continue
        seen.add(content)
        settled.keys_by_cut_off.add(key)
        if None in key:
            settled.broken.append((row, "no key"))
        elif not is_moment:
            settled.broken.append((row, "no recorded_at that can be"))
        else:
            versions[key][recorded_at].append(row)
    for recordings in versions.values():
        every = [row for same_moment in recordings.values() for row in same_moment]
        if has_another_subject(table, every):
            settled.broken += [(row, "key changes subject") for row in every]
            continue
        newest = max(recordings)
        for recorded_at, same_moment in recordings.items():
            if len(same_moment) > 1:
                settled.broken += [(row, "conflicting versions") for row in same_moment]
            elif recorded_at == newest:
                settled.winners += same_moment
            else:
                counts["superseded"] += 1
    return settled


# --- row rules: None, or why the row is quarantined ----------------------------------------------


PLAIN_ID = "[A-Za-z0-9_.-]+"


def common_fault(table: str, row: Row) -> str | None:
    """What every table asks: required columns filled, codes known."""
    for column in TABLES[table].required:
        if row[column] is None:
            return f"{column} missing"
    if table in ("customers", "accounts") and not re.fullmatch(PLAIN_ID, row["customer_id"]):
        return "customer_id malformed"
    for column, codes in CODES.get(table, {}).items():
        if row[column] is not None and row[column] not in codes:
            return f"{column} unknown"
    for column, value in row.items():
        if column not in TABLES[table].columns or value is None:
            continue
        if fault := value_fault(column, value):
            return f"{column} {fault}"
    return None


def value_fault(column: str, value: Any) -> str | None:
    """What no column of its kind may hold: rounded identifiers, impossible dates and amounts."""
    is_identifier = column == "id_number" or (column.endswith("_id") and column[:6] != "spouse")
    if is_identifier and ("." in value or "+" in value) and ROUNDED.fullmatch(value):
        return "in the form of a floating-point number"
    if isinstance(value, date):
        day = value.date() if isinstance(value, datetime) else value
        if day < FIRST_DATE or (day > LAST_DATE and column not in OPEN_ENDED):
            return "out of range"
    return "too large" if column in AMOUNTS and value > LARGEST else None


def account_fault(row: Row) -> str | None:
    """Rules of ``accounts``."""
    if not re.fullmatch("[A-Za-z0-9]+", row["account_id"]):
        return "account_id not letters and digits"
    if not re.fullmatch("[0-9A-Z]{14}", row["reporter_code"]):
        return "reporter_code not 14 characters"
    if row["closed_on"] is not None and row["closed_on"] < row["opened_on"]:
        return "closed before opened"
    return None


def within_life(account: Row, day: date) -> bool:
    """Whether the day lies between opening and closing, both included."""
    closed_on = account["closed_on"]
    return account["opened_on"] <= day and (closed_on is None or day <= closed_on)


def limit_fault(row: Row, account: Row | None) -> str | None:
    """Rules of ``credit_limits``; no account: the row stands under an agreement."""
    if row["credit_limit"] < 0:
        return "credit_limit below zero"
    if account is not None and not within_life(account, row["effective_on"]):
        return "effective_on outside the account's life"
    return None


def consent_fault(row: Row) -> str | None:
    """Rules of ``consents``."""
    if not re.fullmatch("[0-9A-Z]{14}", row["reporter_code"]):
        return "reporter_code not 14 characters"
    if row["action"] == "withdrawn" and row["reporter_code"] not in reporters():
        return "withdrawal from an unknown reporter"
    if row["action"] == "withdrawn" and row["occurred_at"].date() > row["recorded_at"].date():
        return "withdrawn after it was recorded"
    return None


@cache
def reporters() -> frozenset[str]:
    """The institutions of the register."""
    with REPORTERS.open(encoding="utf-8", newline="") as file:
        return frozenset(row["reporter_code"] for row in csv.DictReader(file))


def transaction_fault(row: Row, account: Row) -> str | None:
    """Rules of ``transactions``, reversals apart."""
    if row["amount"] <= 0:
        return "amount not above zero"
    if not within_life(account, row["occurred_at"].date()):
        return "occurred_at outside the account's life"
    return None


def bill_fault(row: Row, account: Row) -> str | None:
    """Rules of ``bills``; a bill after ``closed_on`` is fine (early settlement)."""
    if row["due_on"] < row["statement_on"]:
        return "due_on before statement_on"
    if row["statement_on"] < account["opened_on"]:
        return "statement_on before opening"
    amounts = [row[f"{part}_due"] for part in ("principal", "interest", "fee", "minimum")]
    return "amount below zero" if any(a is not None and a < 0 for a in amounts) else None


def notice_fault(row: Row, account: Row) -> str | None:
    """Rules of ``adverse_notices``."""
    return "sent before opening" if row["sent_at"].date() < account["opened_on"] else None


def dispute_fault(row: Row, account: Row) -> str | None:
    """Rules of ``disputes``."""
    return "received before opening" if row["received_on"] < account["opened_on"] else None


ACCOUNT_RULES: dict[str, Callable[[Row, Any], str | None]] = {
    "credit_limits": limit_fault,
    "transactions": transaction_fault,
    "bills": bill_fault,
    "adverse_notices": notice_fault,
    "disputes": dispute_fault,
}


# --- the tables in their order -------------------------------------------------------------------


class _Staging:
    """One cut-off's staging: customers are judged first, then accounts, then the rest."""

    def __init__(self, raw: dict[str, Rows], as_of: datetime) -> None:
        self.out = Staged(counts={table: Counter() for table in TABLES})
        self.versions = {
            table: settle_versions(table, raw.get(table, []), as_of, self.out.counts[table])
            for table in TABLES
        }

    def customers(self) -> None:
        settled = self.versions["customers"]
        self.good_customers = set()
        self.out.good["customers"] = []
        for row, reason in settled.broken:
            self.out.reject("customers", row, reason)
        for row in settled.winners:
            fault = common_fault("customers", row)
            if fault:
                self.out.reject("customers", row, fault)
            else:
                self.out.good["customers"].append(row)
                self.good_customers.add(row["customer_id"])
        known = {key[0] for key in settled.keys_by_cut_off}
        self.late_customers = {row["customer_id"] for row in settled.late_keys} - known

    def accounts(self) -> None:
        settled = self.versions["accounts"]
        late = list(settled.late_keys)
        known = {key[0] for key in settled.keys_by_cut_off}
        self.good_accounts: dict[str, Row] = {}
        judged = [(row, None) for row in settled.winners] + settled.broken
        for row, broken in judged:
            fault = broken or common_fault("accounts", row) or account_fault(row)
            if fault:
                self.out.reject("accounts", row, fault)
            else:
                later = {c: None for c in OPEN_ENDED if row[c] is not None and row[c] > LAST_DATE}
                self.good_accounts[row["account_id"]] = row | later
        for row in self.of_two_customers():
            self.out.reject("accounts", row, "agreement of two customers")
            del self.good_accounts[row["account_id"]]
        self.out.good["accounts"] = list(self.good_accounts.values())
        self.late_accounts = {row["account_id"] for row in late} - known
        self.agreements = {row["parent_account_id"] for row in self.good_accounts.values()} - {None}
        self.late_agreements = {row["parent_account_id"] for row in late} - {None}

    def of_two_customers(self) -> Rows:
        """The good accounts under an agreement that accounts of another customer name, too."""
        together: dict[str, Rows] = defaultdict(list)
        for row in self.good_accounts.values():
            together[row["parent_account_id"] or row["account_id"]].append(row)
        return [
            row
            for rows in together.values()
            for row in rows
            if len({one["customer_id"] for one in rows}) > 1
        ]

    def of_account(self, table: str) -> None:
        good = self.out.good[table] = []
        settled = self.versions[table]
        for row, broken in [(row, None) for row in settled.winners] + settled.broken:
            account = self.good_accounts.get(row["account_id"])
            under_agreement = table == "credit_limits" and row["account_id"] in self.agreements
            orphan = account is None and not under_agreement
            if orphan and self.waits(table, row["account_id"]):
                self.out.wait(table)
                continue
            fault = broken or common_fault(table, row) or ("orphan" if orphan else None)
            fault = fault or ACCOUNT_RULES[table](row, account)
            if fault:
                self.out.reject(table, row, fault)
            else:
                good.append(row)

    def waits(self, table: str, account_id: str | None) -> bool:
        """Whether the id is of an account (for limits: or agreement) recorded after the cut-off."""
        return account_id in self.late_accounts or (
            table == "credit_limits" and account_id in self.late_agreements
        )

    def of_customer(self, table: str) -> None:
        good = self.out.good[table] = []
        settled = self.versions[table]
        for row, broken in [(row, None) for row in settled.winners] + settled.broken:
            if row["customer_id"] in self.late_customers:
                self.out.wait(table)
                continue
            orphan = None if row["customer_id"] in self.good_customers else "orphan"
            fault = broken or common_fault(table, row) or orphan
            if fault is None and table == "consents":
                fault = consent_fault(row)
            if fault:
                self.out.reject(table, row, fault)
            else:
                good.append(row)

    def reversals(self) -> None:
        """Rule 1 of the replay: a reversal that does not stand is quarantined."""
        per_account: dict[str, Rows] = defaultdict(list)
        for row in self.out.good["transactions"]:
            per_account[row["account_id"]].append(row)
        invalid: set[str] = set()
        for rows in per_account.values():
            invalid |= invalid_reversals(rows)
        stand = []
        for row in self.out.good["transactions"]:
            if row["transaction_id"] in invalid:
                self.out.reject("transactions", row, "reversal does not stand")
            else:
                stand.append(row)
        self.out.good["transactions"] = stand

    def finish(self) -> Staged:
        for table, counts in self.out.counts.items():
            counts["good"] = len(self.out.good[table])
            places = ("good", "duplicates", "superseded", "after_cut_off", "quarantined")
            if counts["delivered"] != sum(counts[place] for place in places):
                raise AssertionError(f"{table}: the places do not add up: {counts}")
        return self.out


def check_products(raw: dict[str, Rows], as_of: datetime, products: Iterable[str]) -> None:
    """Raise ``UnknownProductError`` for a product that the policy does not hold."""
    known = {None, *products}
    for table in ("accounts", "consents"):
        for row in raw.get(table, []):
            recorded = row["recorded_at"] is None or row["recorded_at"] <= as_of
            if recorded and row["product_code"] not in known:
                raise UnknownProductError(f"{table}: product_code {row['product_code']!r}")


def stage(raw: dict[str, Rows], as_of: datetime, products: Iterable[str]) -> Staged:
    """The good rows and the counts of a delivery as known at the cut-off.

    ``raw`` holds every delivered row of each table under the contract's column names.
    """
    check_products(raw, as_of, products)
    staging = _Staging(raw, as_of)
    staging.customers()
    staging.accounts()
    for table in OF_ACCOUNT:
        staging.of_account(table)
    for table in OF_CUSTOMER:
        staging.of_customer(table)
    staging.reversals()
    return staging.finish()
