"""The replay of one account, event by event (contracts, section 2).

It is independent of the set-based models: it reads the rows of one account as known at the cut-off
and keeps every step, so that a person can be shown which payment paid which item.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import duckdb

from reporting.core.run import next_month

ZERO = Decimal(0)
ONE_DAY = timedelta(days=1)
SPENDING = ("purchase", "cash_draw")
PAYING = ("waiver", "refund", "repayment")
# The order at one instant: bills and spending, penalties, waivers, refunds, repayments.
AT_ONE_INSTANT = {"penalty": 1, "waiver": 2, "refund": 3, "repayment": 4}


@dataclass(frozen=True)
class Policy:
    """The lender's rules for the product; the smallest rank is paid first."""

    grace_days: int
    due_basis: str
    prepayment: str
    penalty_rank: int
    fee_rank: int
    interest_rank: int
    principal_rank: int

    def rank(self, part: str) -> int:
        """The rank of a part in the paying order within one due date."""
        return int(getattr(self, f"{part}_rank"))

    @property
    def order(self) -> list[str]:
        """The parts in the order in which they are paid within one due date."""
        return sorted(("penalty", "fee", "interest", "principal"), key=self.rank)

    @property
    def holds_left_overs(self) -> bool:
        """Whether an unapplied amount is held for the next item."""
        return self.prepayment == "credits_next_due"


@dataclass(frozen=True)
class Account:
    """One account as known at the cut-off."""

    account_id: str
    product_code: str
    opened_on: date
    closed_on: date | None
    closure_kind: str | None
    agreement_id: str


@dataclass(frozen=True)
class Transaction:
    """Money that moved, at its value time."""

    transaction_id: str
    transaction_type: str
    amount: Decimal
    at: datetime
    reverses_transaction_id: str | None

    @property
    def order(self) -> tuple[datetime, int, str]:
        """The sort key among the account's events."""
        return self.at, AT_ONE_INSTANT.get(self.transaction_type, 0), self.transaction_id


@dataclass(frozen=True)
class Bill:
    """A monthly bill or one instalment."""

    bill_id: str
    statement_on: date
    due_on: date
    principal_due: Decimal
    interest_due: Decimal
    fee_due: Decimal
    minimum_due: Decimal | None

    @property
    def at(self) -> datetime:
        """A bill counts from 00:00 of its statement day."""
        return datetime.combine(self.statement_on, time())

    @property
    def order(self) -> tuple[datetime, int, str]:
        """The sort key among the account's events."""
        return self.at, 0, self.bill_id

    @property
    def total(self) -> Decimal:
        """The whole bill."""
        return self.principal_due + self.interest_due + self.fee_due


@dataclass(frozen=True)
class Limit:
    """A credit limit and the day from which it holds."""

    effective_on: date
    credit_limit: Decimal


@dataclass(frozen=True)
class Ledger:
    """The rows of one account as known at the cut-off, those of later days included."""

    account: Account
    policy: Policy
    transactions: list[Transaction]
    bills: list[Bill]
    limits: list[Limit]

    def parts_due(self, bill: Bill) -> dict[str, Decimal]:
        """The amount due of a bill by part: all of it, or the parts up to the minimum (rule 3)."""
        parts = {
            "fee": bill.fee_due,
            "interest": bill.interest_due,
            "principal": bill.principal_due,
        }
        if self.policy.due_basis != "minimum_due" or bill.minimum_due is None:
            return parts
        room = bill.minimum_due
        for part, amount in parts.items():
            parts[part] = min(amount, room)
            room -= parts[part]
        return parts


@dataclass(eq=False)
class Item:
    """One part of one bill, or a penalty: what can be late, and what payments pay."""

    source: str
    part: str
    due_on: date
    amount: Decimal
    grace_days: int
    unpaid: Decimal
    paid_off_at: datetime | None = None

    @property
    def label(self) -> str:
        """Its name for people."""
        if self.part == "penalty":
            return f"penalty {self.source}"
        return f"{self.part} of bill {self.source}"

    @property
    def late_from(self) -> date:
        """The first day at whose end it is late, if it is unpaid by then (rule 7)."""
        room = (date.max - self.due_on).days  # some lenders write 9999-12-31 for "no due date"
        return self.due_on + timedelta(days=min(self.grace_days + 1, room))

    @property
    def was_late(self) -> bool:
        """Whether it was unpaid after its last day of grace, as far as this replay goes."""
        return self.paid_off_at is None or self.paid_off_at.date() >= self.late_from


@dataclass(frozen=True)
class Payment:
    """The part of a payment, or of a held amount, that was allocated to one item."""

    item: Item
    amount: Decimal
    leaves: Decimal  # what of the item is still open


@dataclass(frozen=True)
class Step:
    """One event, the payments that it made, and the account's balance after it."""

    event: Transaction | Bill
    payments: list[Payment]
    left_over: Decimal
    held: Decimal
    balance: Decimal


@dataclass
class Replay:
    """The ledger up to the end of a report date, as of that date (rule 1)."""

    ledger: Ledger
    report_date: date
    steps: list[Step] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    unpaid: list[Item] = field(default_factory=list)
    left_out: list[tuple[Transaction, Transaction]] = field(default_factory=list)
    spent: Decimal = ZERO
    principal_paid: Decimal = ZERO
    lowered: Decimal = ZERO  # left over under reduces_unbilled
    held: Decimal = ZERO  # left over under credits_next_due and not used yet

    @property
    def month(self) -> date:
        """The first day of the report month."""
        return self.report_date.replace(day=1)

    @property
    def balance(self) -> Decimal:
        """Principal owed; below zero when the customer has paid more (rule 6)."""
        return self.spent - self.principal_paid - self.lowered - self.held

    @property
    def open_items(self) -> list[Item]:
        """All items that are not paid off, due or not, oldest due date first."""
        order = self.ledger.policy.rank
        return sorted(self.unpaid, key=lambda item: (item.due_on, order(item.part), item.source))

    @property
    def late_items(self) -> list[Item]:
        """The items that are late at the end of the report date (rule 7)."""
        return [item for item in self.open_items if item.late_from <= self.report_date]

    @property
    def overdue_items(self) -> list[Item]:
        """The late items and, if there are any, penalties of the report date."""
        late = self.late_items
        if not late:
            return []
        today = self.report_date
        return late + [i for i in self.open_items if i.part == "penalty" and i.due_on == today]

    def happened(self, *types: str) -> list[Transaction]:
        """The transactions of some types that count as of this date, oldest first."""
        events = [step.event for step in self.steps]
        return [e for e in events if isinstance(e, Transaction) and e.transaction_type in types]


def report_date_in(ledger: Ledger, month: date) -> date:
    """Month end, or the closing day of an account that closes in the month."""
    closed_on = ledger.account.closed_on
    if closed_on and closed_on.replace(day=1) == month:
        return closed_on
    return next_month(month) - ONE_DAY


def replay(ledger: Ledger, report_date: date) -> Replay:
    """Replay the ledger event by event to the end of a report date."""
    end = datetime.combine(report_date, time()) + ONE_DAY
    story = Replay(ledger, report_date)
    rows = {row.transaction_id: row for row in ledger.transactions if row.at < end}
    gone = set()
    for row in sorted(rows.values(), key=lambda row: row.order):
        if row.transaction_type == "reversal" and row.reverses_transaction_id in rows:
            story.left_out.append((rows[row.reverses_transaction_id], row))
            gone |= {row.transaction_id, row.reverses_transaction_id}
    events: list[Transaction | Bill] = [row for id_, row in rows.items() if id_ not in gone]
    events += [bill for bill in ledger.bills if bill.statement_on <= report_date]
    for event in sorted(events, key=lambda event: event.order):
        _take(story, event)
    return story


def _take(story: Replay, event: Transaction | Bill) -> None:
    """Apply one event: a held amount pays new items, a payment pays open items (rules 3-5)."""
    payments: list[Payment] = []
    left_over = ZERO
    appeared = _items(story.ledger, event)
    if appeared:
        story.items += appeared
        story.unpaid += appeared
        payments, story.held = _pay(story, appeared, story.held, event.at)
    elif isinstance(event, Transaction) and event.transaction_type in SPENDING:
        story.spent += event.amount
    elif isinstance(event, Transaction) and event.transaction_type in PAYING:
        payments, left_over = _pay(story, story.open_items, event.amount, event.at)
        if story.ledger.policy.holds_left_overs:
            story.held += left_over
        else:
            story.lowered += left_over
    story.unpaid = [item for item in story.unpaid if item.unpaid]
    story.steps.append(Step(event, payments, left_over, story.held, story.balance))


def _items(ledger: Ledger, event: Transaction | Bill) -> list[Item]:
    """The items that an event creates; a bill's parts in the product's order."""
    policy = ledger.policy
    if isinstance(event, Bill):
        due = ledger.parts_due(event)
        return [
            Item(event.bill_id, part, event.due_on, due[part], policy.grace_days, due[part])
            for part in policy.order
            if due.get(part, ZERO) > 0
        ]
    if event.transaction_type == "penalty":
        source, amount = event.transaction_id, event.amount
        return [Item(source, "penalty", event.at.date(), amount, 0, amount)]
    return []


def _pay(
    story: Replay, items: list[Item], money: Decimal, at: datetime
) -> tuple[list[Payment], Decimal]:
    payments = []
    for item in items:
        paid = min(money, item.unpaid)
        if not paid:
            break
        money -= paid
        item.unpaid -= paid
        if not item.unpaid:
            item.paid_off_at = at
        if item.part == "principal":
            story.principal_paid += paid
        payments.append(Payment(item, paid, item.unpaid))
    return payments, money


def read_ledger(store: duckdb.DuckDBPyConnection, account_id: str) -> Ledger:
    """The good rows of one account in a month's build store."""
    accounts = store.execute(
        "select account_id, product_code, opened_on, closed_on, closure_kind, "
        "coalesce(parent_account_id, account_id) from staging.stg_accounts where account_id = ?",
        [account_id],
    ).fetchall()
    account = Account(*accounts[0])
    policies = store.execute(
        "select grace_days, due_basis, prepayment, penalty_rank, fee_rank, interest_rank, "
        "principal_rank from staging.stg_product_policy where product_code = ?",
        [account.product_code],
    ).fetchall()
    transactions = store.execute(
        "select transaction_id, transaction_type, amount, occurred_at, reverses_transaction_id "
        "from staging.every_transaction where account_id = ?",
        [account_id],
    ).fetchall()
    bills = store.execute(
        "select bill_id, statement_on, due_on, principal_due, interest_due, fee_due, minimum_due "
        "from staging.every_bill where account_id = ?",
        [account_id],
    ).fetchall()
    limits = store.execute(
        "select effective_on, credit_limit from staging.stg_credit_limits "
        "where account_id = ? order by effective_on",
        [account.agreement_id],
    ).fetchall()
    return Ledger(
        account,
        Policy(*policies[0]),
        [Transaction(*row) for row in transactions],
        [Bill(*row) for row in bills],
        [Limit(*row) for row in limits],
    )
