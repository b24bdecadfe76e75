"""Seeded small books that a lender would not want to have: every story, in every combination.

The books are valid deliveries (the structure holds) but their ledgers follow no business sense, so
that two derivations which agree on them agree on the rules and not on habit. Same arguments, same
book. All persons are synthetic.
"""

import csv
import itertools
import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from .book import read_policy
from .raw_rows import AUTHORIZATION, REPORTER, RawBook, amount, moment
from .replay import last_day, next_month
from .staging import TABLES

Row = dict[str, Any]

OTHER_REPORTER = "N101W1100H0025"
OTHER_DOCUMENTS = ("HUABEI_SERVICE_AGREEMENT", "ZHIMA_SERVICE_AGREEMENT", "PRODUCT_DESCRIPTION")
CLOCKS = ("00:00:00", "00:00:01", "12:00:00", "12:00:00", "23:59:59")
AMOUNTS = ("0.01", "0.49", "0.50", "1", "33.33", "99.99", "100", "100", "250.50", "1000")
DAYS_TO_DUE = (0, 0, 1, 5, 10, 20, 30, 45, 90)
KINDS = {
    "purchase": 4,
    "repayment": 8,
    "refund": 1,
    "waiver": 1,
    "penalty": 2,
    "interest": 1,
    "fee": 1,
    "write_off": 0.3,
}
TYPES = {  # columns that are not VARCHAR
    "credit_limit": "DECIMAL(18,2)",
    "amount": "DECIMAL(18,2)",
    "principal_due": "DECIMAL(18,2)",
    "interest_due": "DECIMAL(18,2)",
    "fee_due": "DECIMAL(18,2)",
    "minimum_due": "DECIMAL(18,2)",
    "score": "DECIMAL(9,2)",
    "period_number": "INTEGER",
    "period_count": "INTEGER",
    "is_student": "BOOLEAN",
    "birth_date": "DATE",
    "disputed_month": "DATE",
    "episode_started_on": "DATE",
}


def sql_type(column: str) -> str:
    """The contract's type of a raw column."""
    if column.endswith("_at"):
        return "TIMESTAMP"
    return TYPES.get(column, "DATE" if column.endswith("_on") else "VARCHAR")


# --- policies ------------------------------------------------------------------------------------


def write_policy(source: Path, target: Path) -> None:
    """The given product policy plus products of every combination of rule values, as a CSV."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    orders = itertools.cycle(itertools.permutations(("penalty", "fee", "interest", "principal")))
    combinations = itertools.product(
        ("0", "3", "40"),
        ("full_bill", "minimum_due"),
        ("reduces_unbilled", "credits_next_due"),
        ("run_off", "stop"),
        ("authorization", "contract"),
    )
    for number, (grace, due, prepayment, withdrawal, basis) in enumerate(combinations):
        changes = {
            "product_code": f"TEST_{number:02d}",
            "reporting_basis": basis,
            "grace_days": grace,
            "allocation_order": ">".join(next(orders)),
            "due_basis": due,
            "prepayment": prepayment,
            "on_withdrawal": withdrawal,
        }
        rows.append(rows[number % 2 * 2] | changes)  # HUABEI and JIEBEI in turn
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


# --- one account ---------------------------------------------------------------------------------


class _Scene:
    """The dice, the calendar and the book that is being filled."""

    def __init__(self, seed: int, first_month: date, months: int) -> None:
        self.dice = Random(seed)  # noqa: S311 - test data, no secret
        self.book = RawBook()
        self.first = first_month
        self.month_ends = []
        for _ in range(months):
            self.month_ends.append(last_day(first_month))
            first_month = next_month(first_month)
        self.last = self.month_ends[-1]

    def chance(self, probability: float) -> bool:
        return self.dice.random() < probability

    def day(self, low: date, high: date) -> date:
        """Any day of the range, with a liking for month ends and month beginnings."""
        edges = [end + timedelta(days=d) for end in self.month_ends for d in (0, 0, 1)]
        edges = [edge for edge in edges if low <= edge <= high]
        if edges and self.chance(0.3):
            return self.dice.choice(edges)
        return low + timedelta(days=self.dice.randint(0, max((high - low).days, 0)))

    def at(self, day: date) -> datetime:
        return moment(day, self.dice.choice(CLOCKS))

    def value(self) -> Decimal:
        return amount(self.dice.choice(AMOUNTS))

    def learnt(self, at: datetime) -> datetime:
        """When the source learns of a fact: mostly soon, sometimes weeks or months later."""
        days = self.dice.choices((0, 1, 5, 45, 100), (70, 15, 8, 5, 2))[0]
        return at + timedelta(days=days, hours=1)


def add_customer(scene: _Scene, customer_id: str) -> None:
    """A person: valid, invalid in one of many ways, a minor, late, or missing altogether."""
    dice = scene.dice
    birth_date = dice.choice(
        (
            date(1990, 3, 7),
            date(1949, 12, 31),
            date(1984, 2, 29),
            scene.day(*_YOUNG),
            date(2008, 2, 29),
        )
        if scene.chance(0.3)
        else (date(1980, 1, 1) + timedelta(days=dice.randint(0, 7000)),)
    )
    row = scene.book.customer(customer_id, birth_date, dice.choice(("1", "2")))
    if scene.chance(0.3):
        _spoil_customer(scene, row)
    if scene.chance(0.05):
        scene.book.tables["customers"].remove(row)
    if scene.chance(0.03):
        row["recorded_at"] = scene.at(scene.day(scene.first, scene.last))
    if scene.chance(0.05):
        correction = {"recorded_at": scene.at(scene.day(scene.first, scene.last)), "name": "测试改"}
        scene.book.tables["customers"].append(row | correction)


_YOUNG = (date(2006, 1, 1), date(2009, 12, 31))


def _spoil_customer(scene: _Scene, row: Row) -> None:
    """One fault of identity (or none: foreign documents are not judged)."""
    number = row["id_number"]
    wrong_digit = "0" if number[17] != "0" else "1"
    change: Row = scene.dice.choice(
        (
            {"name": None},
            {"name": ""},
            {"id_number": None},
            {"id_number": ""},
            {"id_number": number[:17] + wrong_digit},
            {"id_number": number[:17]},
            {"id_number": "0" + number[1:]},
            {"id_number": number.lower()},  # only the check digit X is a letter
            {"id_type": "0"},
            {"id_type": None},
            {"id_type": "2", "id_number": "P1234567"},
            {"id_type": "X", "birth_date": None},
            {"birth_date": None},
            {"birth_date": row["birth_date"] + timedelta(days=1)},
            {"sex": "2" if row["sex"] == "1" else "1"},
            {"sex": "9"},
            {"sex": "0"},
            {"sex": None},
        )
    )
    row.update(change)


def add_account(scene: _Scene, account_id: str, customer_id: str, rules: Row) -> Row:
    """An account: open, closed in any way, reopened by a correction, or recorded late."""
    dice = scene.dice
    opened_on = scene.day(scene.first - timedelta(days=90), scene.last - timedelta(days=20))
    if scene.chance(0.05):
        opened_on = scene.day(scene.last - timedelta(days=20), scene.last + timedelta(days=2))
    values: Row = {"reporter_code": dice.choice((REPORTER, REPORTER, OTHER_REPORTER))}
    if rules["account_type"] == "R4":
        values["parent_account_id"] = f"AG{customer_id}{rules['product_code'].replace('_', '')}"
    add = scene.book.account
    row = add(account_id, customer_id, rules["product_code"], opened_on, **values)
    if scene.chance(0.05):
        row["recorded_at"] = scene.learnt(row["recorded_at"])
    if scene.chance(0.35):
        closed_on = opened_on if scene.chance(0.05) else scene.day(opened_on, scene.last)
        closing = {"closed_on": closed_on, "closure_kind": dice.choice(("settled", "transferred"))}
        closing["recorded_at"] = scene.learnt(moment(closed_on, "23:00:00"))
        row = row | closing
        scene.book.tables["accounts"].append(row)
        if scene.chance(0.15):
            row = row | {"closed_on": None, "closure_kind": None}
            row["recorded_at"] += timedelta(days=dice.choice((1, 20, 60)))
            scene.book.tables["accounts"].append(row)
    return row


def add_limits(scene: _Scene, account: Row) -> None:
    """Limits of the account or its agreement, ended ones and corrections among them."""
    holder = account["parent_account_id"] or account["account_id"]
    taken = {
        r["effective_on"] for r in scene.book.tables["credit_limits"] if r["account_id"] == holder
    }
    days = [account["opened_on"]] if scene.chance(0.95) else []
    days += [
        scene.day(account["opened_on"] - timedelta(days=2), scene.last)
        for _ in range(scene.dice.choice((0, 0, 1, 2)))
    ]
    for number, day in enumerate(sorted(set(days) - taken)):
        reason = scene.dice.choice(("increase", "decrease", "suspended", "ended"))
        value = "0" if reason == "ended" and number else str(scene.dice.randint(1, 20) * 500)
        scene.book.limit(
            holder,
            day,
            value,
            change_reason=reason if number else "initial",
            campaign_code=scene.dice.choice((None, "UPGRADE-2025-11")),
            recorded_at=scene.learnt(moment(day)),
        )


def add_bills(scene: _Scene, account: Row, bills: int) -> list[date]:
    """Bills whose due dates cross, coincide and repeat; returns their due dates."""
    dice = scene.dice
    low, high = account["opened_on"], scene.last + timedelta(days=30)
    due_dates: list[date] = []
    for number in range(1, bills + 1):
        statement_on = scene.day(low, high)
        due_on = statement_on + timedelta(days=dice.choice(DAYS_TO_DUE))
        reusable = [due for due in due_dates if due >= statement_on]
        if reusable and scene.chance(0.3):
            due_on = dice.choice(reusable)
        due_dates.append(due_on)
        parts = [scene.value() if scene.chance(p) else amount(0) for p in (0.85, 0.3, 0.25)]
        total = sum(parts, Decimal(0))
        minimums = (None, amount(0), amount(total / 3), parts[2], total, total + 5)
        known = moment(statement_on, "01:00:00")
        scene.book.bill(
            account["account_id"],
            statement_on,
            due_on,
            parts[0],
            interest_due=parts[1],
            fee_due=parts[2],
            minimum_due=dice.choice(minimums),
            period_number=number,
            period_count=bills,
            recorded_at=moment(low) if scene.chance(0.4) else scene.learnt(known),
        )
    return due_dates


def add_transactions(scene: _Scene, account: Row, rules: Row, due_dates: Sequence[date]) -> None:
    """Money of all kinds at any moment: due days, days after, equal instants."""
    dice = scene.dice
    low = account["opened_on"]
    high = min(account["closed_on"] or scene.last, scene.last) + timedelta(days=1)
    if high < low:
        return
    spending = "cash_draw" if rules["account_type"] == "R4" else "purchase"
    near_due = [due + timedelta(days=d) for due in due_dates for d in (0, 0, 1)]
    near_due = [day for day in near_due if low <= day <= high]
    moments: list[datetime] = []
    for number in range(dice.randint(1, 14)):
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0] if number else "purchase"
        day = dice.choice(near_due) if near_due and scene.chance(0.4) else scene.day(low, high)
        at = dice.choice(moments) if moments and scene.chance(0.15) else scene.at(day)
        moments.append(at)
        scene.book.transaction(
            account["account_id"],
            spending if kind == "purchase" else kind,
            at,
            scene.value() * dice.choice((1, 1, 2)),
            recorded_at=scene.learnt(at),
        )


def add_reversals(scene: _Scene, account: Row) -> None:
    """Bounces of any row, at once or months later, and reversals that do not stand."""
    account_id = account["account_id"]
    rows = [r for r in scene.book.tables["transactions"] if r["account_id"] == account_id]
    for _ in range(scene.dice.choice((0, 1, 1, 2, 3))):
        target = scene.dice.choice(rows) if rows else None
        if target is None:
            return
        days = scene.dice.choice((0, 0, 1, 3, 20, 35, 70, -1))
        at = min(target["occurred_at"] + timedelta(days=days), moment(scene.last, "23:59:59"))
        name = "T999999" if scene.chance(0.05) else target["transaction_id"]
        rows.append(
            scene.book.transaction(
                account_id,
                "reversal",
                at,
                target["amount"],
                reverses_transaction_id=None if scene.chance(0.02) else name,
                recorded_at=scene.learnt(at),
            )
        )


def add_consents(scene: _Scene, account: Row) -> None:
    """Signed plainly, or a disorder of signatures, withdrawals, reporters and documents."""
    dice, book = scene.dice, scene.book
    who = (account["customer_id"], account["product_code"])
    reporter = account["reporter_code"]
    opened = moment(account["opened_on"], "00:00:00")
    plain = scene.chance(0.55)
    if plain:
        book.consent(
            *who, opened - timedelta(days=dice.choice((0, 0, 1, 30))), reporter_code=reporter
        )
    low = account["opened_on"] - timedelta(days=30)
    at = opened
    for _ in range(dice.choice((0, 0, 0, 1, 2) if plain else (0, 1, 1, 2, 3, 5))):
        at = at if scene.chance(0.15) else scene.at(scene.day(low, scene.last + timedelta(days=2)))
        action = dice.choice(("signed", "signed", "withdrawn"))
        book.consent(
            *who,
            at,
            action=action,
            reporter_code=reporter
            if scene.chance(0.85)
            else dice.choice((REPORTER, OTHER_REPORTER)),
            document_code=AUTHORIZATION if scene.chance(0.85) else dice.choice(OTHER_DOCUMENTS),
            document_version=dice.choice(("v1", "v2", "v9")),
            recorded_at=scene.learnt(at),
        )


def add_notices(scene: _Scene, account: Row, due_dates: Sequence[date]) -> None:
    """Notices for due dates, penalty days and write-offs: some right, some wrong, some unheard."""
    account_id = account["account_id"]
    rows = [r for r in scene.book.tables["transactions"] if r["account_id"] == account_id]
    days = {
        r["occurred_at"].date() for r in rows if r["transaction_type"] in ("penalty", "write_off")
    }
    for named in sorted({*due_dates, *days}):
        if named < account["opened_on"] or scene.chance(0.4):
            continue
        sent_at = scene.at(named + timedelta(days=scene.dice.choice((1, 1, 20, 40, 70))))
        later = timedelta(days=scene.dice.choice((0, 0, 1, 30)))
        scene.book.notice(
            account_id,
            named if scene.chance(0.9) else named + timedelta(days=1),
            sent_at,
            delivered_at=None if scene.chance(0.15) else sent_at + later,
            recorded_at=scene.learnt(sent_at),
        )


def add_disputes_and_scores(scene: _Scene, account: Row) -> None:
    """A claim now and then; a score for nearly everybody."""
    if scene.chance(0.1):
        day = scene.day(account["opened_on"] - timedelta(days=3), scene.last)
        scene.book.add(
            "disputes",
            scene.learnt(moment(day)),
            dispute_id=f"D{account['account_id']}",
            account_id=account["account_id"],
            received_on=day,
            claim="not mine",
            outcome=scene.dice.choice((None, "upheld", "error_confirmed", "nonsense")),
        )
    day = scene.day(scene.first, scene.last)
    scene.book.add(
        "internal_scores",
        moment(day),
        customer_id=account["customer_id"],
        scored_on=day,
        score=amount(scene.dice.randint(350, 950)),
    )


# --- disorder of the delivery --------------------------------------------------------------------


def _broken(scene: _Scene, table: str, row: Row) -> Row:
    """The row with one fault that the row rules name."""
    faults: dict[str, tuple[Row, ...]] = {
        "transactions": (
            {"amount": amount(0)},
            {"amount": amount(-5)},
            {"amount": None},
            {"transaction_type": "payment"},
            {"account_id": "NOBODY1"},
            {"occurred_at": datetime(2001, 1, 1)},
            {"transaction_id": None},
            {"recorded_at": None},
        ),
        "bills": (
            {"principal_due": amount(-1)},
            {"minimum_due": amount(-1)},
            {"fee_due": None},
            {"account_id": "NOBODY1"},
            {"due_on": date(2001, 1, 1)},
            {"statement_on": date(2001, 1, 1)},
        ),
        "consents": (
            {"action": "read"},
            {"document_code": "SOMETHING_ELSE"},
            {"occurred_at": None},
            {"document_sha256": None},
        ),
        "credit_limits": ({"credit_limit": amount(-1)}, {"change_reason": "mood"}),
        "accounts": (
            {"opened_on": None},
            {"closure_kind": "lost"},
            {"closed_on": date(2001, 1, 1)},
            {"reporter_code": None},
        ),
        "customers": ({"sex": "7"}, {"marital_status": "77"}, {"education_level": "1"}),
        "adverse_notices": ({"sent_at": datetime(2001, 1, 1)}, {"episode_started_on": None}),
    }
    # A row of its own, or a newer version that takes a good row away, or (equal key and moment of
    # recording, other content) a conflict.
    key = TABLES[table].key[0]
    own: Row = {key: f"{row[key]}X"} if len(TABLES[table].key) == 1 else {}
    newer = {"recorded_at": row["recorded_at"] + timedelta(days=1)}
    return row | scene.dice.choice((own, own, own, newer, {})) | scene.dice.choice(faults[table])


def disturb(scene: _Scene) -> None:
    """Corrections, conflicting and broken rows, in every table that the replay reads."""
    shares = {"transactions": 0.05, "bills": 0.06, "consents": 0.05, "credit_limits": 0.03}
    shares |= {"accounts": 0.03, "customers": 0.03, "adverse_notices": 0.03}
    for table, share in shares.items():
        rows = scene.book.tables[table]
        for row in list(rows):
            if scene.chance(share):
                later = timedelta(days=scene.dice.choice((1, 3, 20, 60)))
                change = {"recorded_at": row["recorded_at"] + later}
                if table == "transactions" and row["transaction_type"] != "reversal":
                    change |= {"amount": scene.value()}
                if table == "bills":
                    change |= {"principal_due": scene.value()}
                rows.append(row | change)
            if scene.chance(share / 3):
                rows.append(_broken(scene, table, row))
    for row in list(scene.book.tables["transactions"]):
        if scene.chance(0.004):
            scene.book.tables["transactions"].append(row | {"amount": amount("7.77")})


def random_book(
    seed: int,
    products: dict[str, Row],
    accounts: int = 300,
    first_month: date = date(2025, 10, 1),
    months: int = 8,
) -> RawBook:
    """A book of the given size over the given products (``book.read_policy``)."""
    scene = _Scene(seed, first_month, months)
    rules = list(products.values())
    people = [f"C{number:04d}" for number in range(accounts * 3 // 4)]
    for customer_id in people:
        add_customer(scene, customer_id)
    for number in range(accounts):
        product = rules[number % len(rules)]
        customer_id = people[number] if number < len(people) else scene.dice.choice(people)
        account = add_account(scene, f"A{number:05d}", customer_id, product)
        add_limits(scene, account)
        due_dates = add_bills(scene, account, scene.dice.randint(0, 8))
        add_transactions(scene, account, product, due_dates)
        if scene.chance(0.4):
            add_reversals(scene, account)
        add_consents(scene, account)
        add_notices(scene, account, due_dates)
        add_disputes_and_scores(scene, account)
    disturb(scene)
    return scene.book


# --- to files ------------------------------------------------------------------------------------


def _json(value: object) -> object:
    if isinstance(value, (Decimal, date, datetime, time)):
        return str(value)
    return value


def write_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row], path: Path
) -> None:
    """Write rows as Parquet in the contract's types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_suffix(".ndjson")
    with lines.open("w", encoding="utf-8") as file:
        for row in rows:
            json.dump({name: _json(value) for name, value in row.items()}, file, ensure_ascii=False)
            file.write("\n")
    columns = ", ".join(f"{name}: '{sql_type(name)}'" for name in TABLES[table].columns)
    connection.execute(
        f"copy (from read_json('{lines}', format = 'newline_delimited', columns = {{{columns}}})) "
        f"to '{path}' (format parquet)"
    )
    lines.unlink()


def write(book: RawBook, landing: Path, seed: int = 0) -> None:
    """Write the nine tables below the landing folder, some rows twice and in two extracts."""
    dice = Random(seed)  # noqa: S311 - test data, no secret
    with duckdb.connect() as connection:
        for table, rows in book.tables.items():
            first, second = [], []
            for row in rows:
                (first if dice.random() < 0.8 else second).append(row)
                if dice.random() < 0.01:
                    second.append(row)
            write_rows(connection, table, first, landing / table / "extract.parquet")
            if second:
                write_rows(connection, table, second, landing / table / "batch=2" / "more.parquet")


def write_random_book(landing: Path, policy: Path, seed: int, accounts: int = 300) -> RawBook:
    """Generate and write one book over the products of a policy file; returns what was written."""
    book = random_book(seed, read_policy(policy), accounts)
    write(book, landing, seed)
    return book
