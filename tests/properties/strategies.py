"""Hypothesis strategies: the stories of accounts, and the book that many of them make.

An account's story is drawn as raw rows under placeholder ids, around the month end of the run, so
that what happens matters to the report. The plain case is the first of every choice: a shrunk
example holds only what is needed to disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st
from oracle.random_books import OTHER_DOCUMENTS, OTHER_REPORTER
from oracle.raw_rows import AUTHORIZATION, REPORTER, RawBook, amount, moment
from oracle.replay import last_day, next_month

from properties.policies import DIMENSIONS, product_code
from reporting.core.run import Run

Row = dict[str, Any]
Draw = Any  # what @st.composite hands over

ACCOUNT, CUSTOMER, AGREEMENT = "A", "C", "AG"
FOREIGN = "another account's"  # a reversal that names a transaction of the account before
CLOCKS = ("12:00:00", "00:00:00", "23:59:59", "23:59:59.999999", "00:00:00.000001")
AMOUNTS = ("100", "50", "0.01", "33.33", "99.99", "250.50", "1000")
SPENDING, MONEY = "spending", "repayment"
KINDS = (
    *(SPENDING,) * 3,
    *(MONEY,) * 6,
    *("penalty",) * 2,
    *("refund", "waiver", "interest", "fee", "write_off"),
)
DAYS_OPEN = (90, 60, 40, 31, 30, 20, 10, 1, 0, -1, 120, 200, 300, 330, 420, 500)
DAYS_TO_DUE = (10, 0, 1, 9, 20, 30, 31, 60, 95)
DAYS_BETWEEN = (1, 0, 2, 3, 5, 20, 29, 31, 45, 70, 100)
DELAYS = (0, 0, 0, 0, 1, 10, 35, 70)  # days until the source learns of a fact
BORN_ON = date(1990, 3, 7)


@cache
def below(end: int) -> st.SearchStrategy[int]:
    """0, 1, ... below the end; made once each, for making a strategy costs more than a draw."""
    return st.integers(0, end - 1)


@dataclass
class Story:
    """One account's raw rows under placeholder ids; see ``book_of``."""

    product_code: str
    is_companion: bool  # the same customer, product and agreement as the account before
    book: RawBook = field(default_factory=RawBook)


class Teller:
    """The draw, the run and the book of one account that is being told."""

    def __init__(self, draw: Draw, run: Run, notice_lead_days: int, story: Story) -> None:
        self.draw, self.run, self.book = draw, run, story.book
        self.notice_deadline = run.as_of - timedelta(days=notice_lead_days)
        self.end = run.month_end
        self.opened_on = self.end - timedelta(days=self.pick(*DAYS_OPEN))
        self.edges = self._edges()
        self.due_dates: list[date] = []
        self.values = [amount(value) for value in AMOUNTS]

    def _edges(self) -> list[date]:
        """First, tenth and last days of the months of the account's life."""
        month, days = self.opened_on.replace(day=1), []
        while month <= self.end:
            days += [month, month.replace(day=10), last_day(month)]
            month = next_month(month)
        return [self.end, *(day for day in days if day >= self.opened_on), self.opened_on]

    def pick(self, *choices: Any) -> Any:
        return choices[self.draw(below(len(choices)))]

    def often(self, percent: int) -> bool:
        """True in about so many of a hundred cases; shrinks to False."""
        return bool(self.draw(below(100)) >= 100 - percent)

    def day(self, beyond: int = 0) -> date:
        """A day of the account's life up to the month end, or so many days beyond it."""
        if self.often(60):
            edge: date = self.pick(*self.edges)
            return edge
        days = max((self.end - self.opened_on).days, 0) + beyond
        return self.opened_on + timedelta(days=self.draw(below(days + 1)))

    def at(self, day: date) -> datetime:
        return moment(day, self.pick(*CLOCKS))

    def learnt(self, at: datetime) -> datetime:
        """When the source learns of a fact: at once, later, or within a hair of the cut-off."""
        if self.often(5):
            late = self.run.as_of + timedelta(microseconds=self.pick(0, 1))
            return max(at, late)
        return at + timedelta(days=self.pick(*DELAYS), hours=1)

    def many(self, most: int) -> range:
        return range(self.draw(below(most + 1)))


@st.composite
def stories(draw: Draw, run: Run, notice_lead_days: int) -> Story:
    """One account with any policy and any of the things that can happen to it."""
    values = [dimension[draw(below(len(dimension)))] for dimension in DIMENSIONS]
    story = Story(product_code(*values), is_companion=draw(below(7)) == 6)
    teller = Teller(draw, run, notice_lead_days, story)
    tell_customer(teller)
    closed_on = tell_account(teller, story.product_code)
    tell_limits(teller)
    for number in teller.many(6):
        tell_bill(teller, number)
    for _ in teller.many(10):
        tell_transaction(teller, closed_on)
    for number in teller.many(3):
        tell_reversal(teller, number)
    tell_consents(teller, story.product_code)
    for number in teller.many(3):
        tell_notice(teller, number)
    for _ in teller.many(3) if teller.often(40) else range(0):
        tell_correction(teller)
    return story


def tell_customer(teller: Teller) -> None:
    """Mostly a valid person; else a minor, without name or number, or with another birth date."""
    row = teller.book.customer(CUSTOMER, BORN_ON)
    if teller.often(12):
        eighteen = teller.opened_on.replace(day=1, year=teller.opened_on.year - 18)
        change = teller.pick(
            {"name": None},
            {"name": " "},
            {"id_number": "110101199003070000"},
            {"id_type": "2", "id_number": "P1"},
            {"id_type": "2", "id_number": "P1", "birth_date": None},
            {"id_type": "2", "id_number": "P1", "birth_date": eighteen},
            {"id_type": "2", "id_number": "P1", "birth_date": eighteen + timedelta(days=40)},
            {"recorded_at": teller.run.as_of + timedelta(microseconds=1)},
        )
        row.update(change)


def tell_account(teller: Teller, product: str) -> date | None:
    """Open, or closed in any way and perhaps reopened; returns the day of closing as last said."""
    values: Row = {"reporter_code": REPORTER}
    if "_R4_" in product:
        values["parent_account_id"] = AGREEMENT
    row = teller.book.account(ACCOUNT, CUSTOMER, product, teller.opened_on, **values)
    if not teller.often(35):
        return None
    closed_on = teller.day(beyond=5)
    row = row | {
        "closed_on": closed_on,
        "closure_kind": teller.pick("settled", "transferred", None),
        "recorded_at": teller.learnt(moment(closed_on, "22:59:59")),
    }
    teller.book.tables["accounts"].append(row)
    if teller.often(20):
        again = teller.pick(None, closed_on + timedelta(days=1), max(closed_on, teller.end))
        later = timedelta(days=teller.pick(1, 20, 60))
        row = row | {"closed_on": again, "recorded_at": row["recorded_at"] + later}
        if again is None:
            row["closure_kind"] = None
        teller.book.tables["accounts"].append(row)
    closed: date | None = row["closed_on"]
    return closed


def tell_limits(teller: Teller) -> None:
    """None, one at the opening, or changes at any time; 0 ends it."""
    holder = teller.book.tables["accounts"][0]["parent_account_id"] or ACCOUNT
    days = {teller.opened_on} if teller.often(90) else set()
    days |= {teller.day(beyond=3) for _ in teller.many(2)}
    for day in sorted(days):
        teller.book.limit(
            holder, day, teller.pick("5000", "8000", "0"), recorded_at=teller.learnt(moment(day))
        )


def tell_bill(teller: Teller, number: int) -> None:
    """A bill at any time: due dates cross and coincide; known early, at its date or late."""
    statement_on = teller.day(beyond=40)
    due_on = statement_on + timedelta(days=teller.pick(*DAYS_TO_DUE))
    same = [due for due in teller.due_dates if due >= statement_on]
    if same and teller.often(30):
        due_on = teller.pick(*same)
    if due_on > teller.end >= statement_on and teller.often(15):
        due_on = teller.end
    teller.due_dates.append(due_on)
    zero = amount(0)
    principal = teller.pick(*teller.values) if teller.often(85) else zero
    interest = teller.pick(*teller.values) if teller.often(30) else zero
    fee = teller.pick(*teller.values) if teller.often(30) else zero
    total = principal + interest + fee
    minimums = (None, zero, fee, fee + interest, amount(total / 3), total, total + 5)
    known = moment(statement_on, "01:00:00")
    teller.book.bill(
        ACCOUNT,
        statement_on,
        due_on,
        principal,
        bill_id=f"B{number}",
        interest_due=interest,
        fee_due=fee,
        minimum_due=teller.pick(*minimums),
        recorded_at=moment(teller.opened_on) if teller.often(30) else teller.learnt(known),
    )


def tell_transaction(teller: Teller, closed_on: date | None) -> None:
    """Money at any time: on due days and the day after, at equal instants, exact or in part."""
    rows = teller.book.tables["transactions"]
    near = [due + timedelta(days=d) for due in teller.due_dates for d in (0, 1)]
    day = teller.pick(*near) if near and teller.often(40) else teller.day(beyond=2)
    if teller.often(97):  # few rows outside the account's life
        day = max(min(day, closed_on or day), teller.opened_on)
    at = teller.pick(*rows)["occurred_at"] if rows and teller.often(20) else teller.at(day)
    kind = teller.pick(*KINDS)
    if kind == SPENDING:
        kind = "cash_draw" if teller.book.tables["accounts"][0]["parent_account_id"] else "purchase"
    bills = teller.book.tables["bills"]
    value = teller.pick(*teller.values)
    if bills and teller.often(30):  # what the first bills ask
        asked = bills[: 1 + teller.draw(below(len(bills)))]
        parts = ("principal_due", "interest_due", "fee_due")
        value = sum((bill[part] for bill in asked for part in parts), amount(0)) or value
    teller.book.transaction(
        ACCOUNT, kind, at, value, transaction_id=f"T{len(rows):02d}", recorded_at=teller.learnt(at)
    )


def tell_reversal(teller: Teller, number: int) -> None:
    """Undoes any row, at once or months later; many do not stand."""
    rows = teller.book.tables["transactions"]
    if not rows:
        return
    target = teller.pick(*rows)
    days = teller.pick(*DAYS_BETWEEN, -1)
    at = target["occurred_at"] + timedelta(days=days)
    # its id may come before or after those of the rows of its moment
    transaction_id = f"{teller.pick('R', 'T')}9{number}"
    teller.book.transaction(
        ACCOUNT,
        "reversal",
        at,
        target["amount"],
        transaction_id=transaction_id,
        reverses_transaction_id=FOREIGN if teller.often(4) else target["transaction_id"],
        recorded_at=teller.learnt(at),
    )


def tell_consents(teller: Teller, product: str) -> None:
    """Signed at the opening, or a disorder of signatures, withdrawals, reporters and documents."""
    events: list[Row] = []
    at = moment(teller.opened_on, "00:00:00")
    if teller.often(95):
        first: Row = {"occurred_at": at, "action": "signed"}
        if teller.often(15):
            after = moment(teller.end + timedelta(days=1), "00:00:00")
            first |= teller.pick({"occurred_at": after}, {"reporter_code": OTHER_REPORTER})
        events.append(first)
    for _ in teller.many(3) if teller.often(50) else range(0):
        at = at if teller.often(20) else teller.at(teller.day(beyond=3))
        event = {"occurred_at": at, "action": teller.pick("withdrawn", "signed")}
        if teller.often(15):
            event["reporter_code"] = OTHER_REPORTER
        if teller.often(10):
            event["document_code"] = OTHER_DOCUMENTS[0]
        events.append(event)
    for number, event in enumerate(events):
        teller.book.consent(
            CUSTOMER,
            product,
            **({"document_code": AUTHORIZATION} | event),
            consent_event_id=f"E{number}",
            recorded_at=teller.learnt(event["occurred_at"]) if number else event["occurred_at"],
        )


def tell_notice(teller: Teller, number: int) -> None:
    """A notice for a due date, a penalty's or a write-off's day; in time, too late or unheard."""
    days = [
        row["occurred_at"].date()
        for row in teller.book.tables["transactions"]
        if row["transaction_type"] in ("penalty", "write_off")
    ]
    names = [*teller.due_dates, *days]
    if not names:
        return
    named = teller.pick(*names)
    sent_at = max(teller.at(named + timedelta(days=1)), moment(teller.opened_on))
    deadline = teller.notice_deadline
    heard = (sent_at + timedelta(days=30), deadline, deadline + timedelta(microseconds=1))
    delivered_at = teller.pick(sent_at, None, *(max(at, sent_at) for at in heard))
    teller.book.notice(
        ACCOUNT,
        named,
        sent_at,
        notice_id=f"N{number}",
        delivered_at=delivered_at,
        recorded_at=teller.learnt(sent_at),
    )


def tell_correction(teller: Teller) -> None:
    """A newer version of a row, or another one of the same moment: then both are in doubt."""
    more = teller.pick(*teller.values)
    changes: dict[str, tuple[Row, ...]] = {
        "bills": (
            {"principal_due": more},
            {"due_on": teller.end},
            {"statement_on": teller.opened_on},
            {"minimum_due": more},
            {"due_on": teller.opened_on - timedelta(days=1)},  # takes the bill away
        ),
        "transactions": (
            {"amount": more},
            {"occurred_at": teller.at(teller.end)},
            {"amount": amount(0)},  # takes the row away
            {"transaction_type": teller.pick("refund", "penalty", "fee")},
        ),
        "consents": ({"action": teller.pick("withdrawn", "signed")}, {"document_version": "v2"}),
        "adverse_notices": ({"delivered_at": None}, {"episode_started_on": teller.end}),
        "credit_limits": ({"credit_limit": more},),
        "accounts": ({"opened_on": teller.opened_on + timedelta(days=1)}, {"matures_on": None}),
    }
    table = teller.pick(*changes)
    rows = teller.book.tables[table]
    if rows:
        row = teller.pick(*rows)
        later = timedelta(days=teller.pick(1, 0, 20, 60), hours=teller.pick(0, 1))
        change = teller.pick(*changes[table]) | {"recorded_at": row["recorded_at"] + later}
        rows.append(row | change)


# --- the book ------------------------------------------------------------------------------------

IDS = {  # columns that hold the placeholder of a fact
    "transaction_id",
    "reverses_transaction_id",
    "bill_id",
    "consent_event_id",
    "notice_id",
}


class Book(RawBook):
    """A drawn book; Hypothesis would print it whole, and nobody could read that."""

    def __repr__(self) -> str:
        return f"a book of {len(self.tables['accounts'])} account rows"


def book_of(told: Sequence[Story], disorder: int = 0) -> Book:
    """One book of many stories; ``disorder`` shuffles the delivery and delivers some rows twice."""
    book = Book()
    holder, product = 0, ""
    for number, story in enumerate(told, start=1):
        if not (story.is_companion and holder):
            holder, product = number, story.product_code
        names = {
            "account_id": {ACCOUNT: f"A{number:03d}", AGREEMENT: f"AG{holder:03d}"},
            "parent_account_id": {AGREEMENT: f"AG{holder:03d}"},
            "customer_id": {CUSTOMER: f"C{holder:03d}"},
            "product_code": {story.product_code: product},
            "reverses_transaction_id": {FOREIGN: f"{number - 1:03d}T00"},
        }
        for table, rows in story.book.tables.items():
            if table == "customers" and holder != number:
                continue  # the companion is the same person
            book.tables[table] += [_renamed(row, names, f"{number:03d}") for row in rows]
    if disorder:
        dice = Random(disorder)  # noqa: S311 - test data, no secret
        for rows in book.tables.values():
            rows += [dict(row) for row in rows if dice.random() < 0.05]
            dice.shuffle(rows)
    return book


def _renamed(row: Row, names: dict[str, dict[str, str]], prefix: str) -> Row:
    renamed = {}
    for column, value in row.items():
        known = names.get(column, {})
        is_id = column in IDS and value is not None
        renamed[column] = known.get(value) or (f"{prefix}{value}" if is_id else value)
    return renamed


@st.composite
def books(draw: Draw, run: Run, notice_lead_days: int) -> Book:
    """A book of some dozens of accounts, delivered in any order."""
    told = draw(st.lists(stories(run, notice_lead_days), min_size=20, max_size=40))
    return book_of(told, draw(below(10)))
