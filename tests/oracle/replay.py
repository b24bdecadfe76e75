"""The replay of one account, event by event (contracts, section 2, rules 1 to 10).

Everything here works on rows of ONE account, given as dictionaries keyed by the raw columns, that
are already "as known at the cut-off": newest versions, good rows only (see ``staging``).
Amounts are ``Decimal`` in CNY, days are ``date``, moments are ``datetime`` in China time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

ZERO = Decimal("0.00")
ONE_DAY = timedelta(days=1)
SPENDING = ("purchase", "cash_draw")
PAYING = ("repayment", "refund", "waiver")
MINIMUM_DUE_ORDER = ("fee", "interest", "principal")  # rule 3
# Rule 2: at one instant. Types that are absent move nothing in the ledger.
RANK = {
    "bill": 0,
    "purchase": 0,
    "cash_draw": 0,
    "penalty": 1,
    "waiver": 2,
    "refund": 3,
    "repayment": 4,
}
ADVERSE = frozenset("1234567B")
CLOSED = frozenset("CG")


# --- days and months -----------------------------------------------------------------------------


def next_month(day: date) -> date:
    """The first day of the month after the day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def last_day(day: date) -> date:
    """The last day of the day's month."""
    return next_month(day) - ONE_DAY


def end_of(day: date) -> datetime:
    """The first moment after the day; everything of the day is before it."""
    return datetime.combine(day + ONE_DAY, time())


def report_date(account: Row, month: date) -> date:
    """R: month end, or ``closed_on`` for an account that closes in the month."""
    closed_on = account["closed_on"]
    if closed_on is not None and month <= closed_on <= last_day(month):
        return closed_on
    return last_day(month)


def is_open_in(account: Row, month: date) -> bool:
    """Whether the account is open on at least one day of the month."""
    closed_on = account["closed_on"]
    return account["opened_on"] <= last_day(month) and (closed_on is None or closed_on >= month)


# --- rule 1: reversals ---------------------------------------------------------------------------


def invalid_reversals(transactions: Iterable[Row]) -> set[str]:
    """Ids of the reversals that are to be quarantined, among one account's good rows.

    A reversal stands if it names a row of the same account that is no reversal itself, did not
    happen later than the reversal and has not been reversed before (in order of time, then id).
    """
    rows = list(transactions)
    by_id = {row["transaction_id"]: row for row in rows}
    reversals = [row for row in rows if row["transaction_type"] == "reversal"]
    reversed_already: set[str] = set()
    invalid = set()
    for reversal in sorted(reversals, key=lambda row: (row["occurred_at"], row["transaction_id"])):
        target = by_id.get(reversal["reverses_transaction_id"])
        if (
            target is None
            or target["transaction_type"] == "reversal"
            or target["occurred_at"] > reversal["occurred_at"]
            or target["transaction_id"] in reversed_already
        ):
            invalid.add(reversal["transaction_id"])
        else:
            reversed_already.add(target["transaction_id"])
    return invalid


def transactions_up_to(transactions: Iterable[Row], day: date) -> list[Row]:
    """The transactions before the end of the day, without reversed rows and their reversals."""
    rows = [row for row in transactions if row["occurred_at"] < end_of(day)]
    undone = {
        row["reverses_transaction_id"] for row in rows if row["transaction_type"] == "reversal"
    }
    return [
        row
        for row in rows
        if row["transaction_type"] != "reversal" and row["transaction_id"] not in undone
    ]


# --- rules 3 to 6: items and what pays them ------------------------------------------------------


@dataclass(frozen=True)
class Payment:
    """One piece of money that went to one item."""

    moment: datetime
    amount: Decimal
    transaction_id: str


@dataclass
class Item:
    """One part of one bill, or a penalty (rule 3)."""

    kind: str  # principal, interest, fee or penalty
    due_on: date
    amount: Decimal
    grace_days: int
    source_id: str  # of the bill or the penalty
    unpaid: Decimal
    payments: list[Payment] = field(default_factory=list)

    def pay(self, moment: datetime, available: Decimal, transaction_id: str) -> Decimal:
        """Take what is needed and return it."""
        taken = min(available, self.unpaid)
        if taken > 0:
            self.unpaid -= taken
            self.payments.append(Payment(moment, taken, transaction_id))
        return taken

    def unpaid_at_end_of(self, day: date) -> Decimal:
        """What was unpaid when the day was over; the item must have existed by then."""
        end = end_of(day)
        return self.amount - sum((p.amount for p in self.payments if p.moment < end), ZERO)

    def late_at_end_of(self, day: date) -> bool:
        """Rule 7: more than the grace days past its due date and not paid off."""
        return (day - self.due_on).days > self.grace_days and self.unpaid_at_end_of(day) > 0

    @property
    def turns_late_on(self) -> date:
        """The first day on which the item is late if it is unpaid at the end of the day before."""
        return self.due_on + timedelta(days=self.grace_days + 1)

    def turned_late_by(self, day: date) -> bool:
        """Whether the item had turned late (rule 9) by the day."""
        return self.turns_late_on <= day and self.unpaid_at_end_of(self.turns_late_on - ONE_DAY) > 0

    @property
    def paid_off_on(self) -> date | None:
        """The day of the payment that finished the item."""
        return self.payments[-1].moment.date() if self.unpaid == 0 and self.payments else None


def bill_parts(bill: Row, policy: Row) -> list[tuple[str, Decimal]]:
    """What a bill asks as (kind, amount), zero parts left out (rule 3)."""
    parts = [(kind, bill[f"{kind}_due"]) for kind in MINIMUM_DUE_ORDER]
    if policy["due_basis"] == "minimum_due" and bill["minimum_due"] is not None:
        left = bill["minimum_due"]
        cut = []
        for kind, amount in parts:
            cut.append((kind, min(amount, left)))
            left -= cut[-1][1]
        parts = cut
    return [(kind, amount) for kind, amount in parts if amount > 0]


@dataclass
class Ledger:
    """The state of one account at the end of a day, as a replay leaves it."""

    policy: Row
    items: list[Item] = field(default_factory=list)
    open_items: list[Item] = field(default_factory=list)
    spent: Decimal = ZERO
    left_over: Decimal = ZERO  # reduces_unbilled: has lowered the balance for good
    held: Decimal = ZERO  # credits_next_due: waits for the next items
    holdings: list[Payment] = field(default_factory=list)
    repayments: list[Row] = field(default_factory=list)
    write_offs: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        kinds = self.policy["allocation_order"].split(">")
        self.kind_rank = {kind: rank for rank, kind in enumerate(kinds)}

    @property
    def balance(self) -> Decimal:
        """Principal owed, below zero when the lender owes (rule 6)."""
        paid = sum((i.amount - i.unpaid for i in self.items if i.kind == "principal"), ZERO)
        return self.spent - paid - self.left_over - self.held

    def appear(self, moment: datetime, items: list[Item]) -> None:
        """New items of one bill (or one penalty); held money pays them at once (rule 5)."""
        self.items += items
        for item in sorted(items, key=lambda item: self.kind_rank[item.kind]):
            while self.holdings and item.unpaid > 0:
                holding = self.holdings.pop(0)
                taken = item.pay(moment, holding.amount, holding.transaction_id)
                self.held -= taken
                if holding.amount > taken:
                    rest = Payment(holding.moment, holding.amount - taken, holding.transaction_id)
                    self.holdings.insert(0, rest)
        self.open_items += [item for item in items if item.unpaid > 0]

    def receive(self, row: Row) -> None:
        """A repayment, refund or waiver (rules 4 and 5)."""
        left = row["amount"]
        self.open_items.sort(key=lambda item: (item.due_on, self.kind_rank[item.kind]))
        for item in self.open_items:
            left -= item.pay(row["occurred_at"], left, row["transaction_id"])
        self.open_items = [item for item in self.open_items if item.unpaid > 0]
        if left > 0 and self.policy["prepayment"] == "reduces_unbilled":
            self.left_over += left
        elif left > 0:
            self.held += left
            self.holdings.append(Payment(row["occurred_at"], left, row["transaction_id"]))

    def apply(self, kind: str, moment: datetime, row: Row) -> None:
        """One event."""
        if kind == "bill":
            grace_days = int(self.policy["grace_days"])
            self.appear(
                moment,
                [
                    Item(part, row["due_on"], amount, grace_days, row["bill_id"], amount)
                    for part, amount in bill_parts(row, self.policy)
                ],
            )
        elif kind == "penalty":
            amount = row["amount"]
            item = Item("penalty", moment.date(), amount, 0, row["transaction_id"], amount)
            self.appear(moment, [item])
        elif kind in SPENDING:
            self.spent += row["amount"]
        elif kind in PAYING:
            self.receive(row)
            if kind == "repayment":
                self.repayments.append(row)


def replay(transactions: Iterable[Row], bills: Iterable[Row], policy: Row, day: date) -> Ledger:
    """The account's ledger at the end of the day."""
    ledger = Ledger(policy)
    events = [
        (datetime.combine(row["statement_on"], time()), RANK["bill"], row["bill_id"], "bill", row)
        for row in bills
        if row["statement_on"] <= day
    ]
    for row in transactions_up_to(transactions, day):
        kind = row["transaction_type"]
        if kind in RANK:
            events.append((row["occurred_at"], RANK[kind], row["transaction_id"], kind, row))
        elif kind == "write_off":
            ledger.write_offs.append(row)
    for moment, _, _, kind, row in sorted(events, key=lambda event: event[:4]):
        ledger.apply(kind, moment, row)
    return ledger


# --- rules 7 to 10: what a month end shows -------------------------------------------------------


@dataclass(frozen=True)
class MonthEnd:
    """What the replay of one report date shows; field names as in ``marts.repayment_status``."""

    month: date
    report_date: date
    balance: Decimal
    credit_balance: Decimal
    charges_unpaid: Decimal
    unbilled: Decimal
    amount_due: Decimal
    amount_paid: Decimal
    last_paid_on: date | None
    days_past_due: int
    overdue_periods: int
    overdue_total: Decimal
    overdue_principal: Decimal
    overdue_principal_31_60: Decimal
    overdue_principal_61_90: Decimal
    overdue_principal_91_180: Decimal
    overdue_principal_over_180: Decimal
    oldest_unpaid_due_on: date | None
    repayment_status: str
    five_tier_class: int
    last_late_item_paid_on: date | None
    written_off_on: date | None

    @property
    def adverse(self) -> bool:
        """Whether the month end needs an advance notice."""
        return self.repayment_status in ADVERSE


def overdue_items(items: Iterable[Item], day: date) -> tuple[list[Item], list[Item]]:
    """The late items, and the overdue ones: also that day's penalties if anything is late."""
    unpaid = [item for item in items if item.unpaid > 0]
    late = [item for item in unpaid if item.late_at_end_of(day)]
    if not late:
        return [], []
    todays = [item for item in unpaid if item.kind == "penalty" and item.due_on == day]
    return late, late + todays


def principal_aged(overdue: Iterable[Item], day: date, low: int, high: int = 10**6) -> Decimal:
    """Unpaid principal whose own age in days lies between the two limits, both included."""
    return sum(
        (
            item.unpaid
            for item in overdue
            if item.kind == "principal" and low <= (day - item.due_on).days <= high
        ),
        ZERO,
    )


def digit(days_past_due: int) -> str:
    """The status digit: 1 for 1 to 30 days and so on, 7 above 180 days."""
    return str(min((days_past_due - 1) // 30 + 1, 7))


def was_late_this_month(items: Iterable[Item], month: date, day: date) -> bool:
    """Rule 9, status M: late when the month began, or turned late inside it."""
    return any(
        item.late_at_end_of(month - ONE_DAY)
        or (item.turns_late_on >= month and item.turned_late_by(day))
        for item in items
    )


def status_of(ledger: Ledger, account: Row, month: date, days: int, amount_due: Decimal) -> str:
    """Rule 9."""
    day = report_date(account, month)
    owed = ledger.balance > 0 or any(item.unpaid > 0 for item in ledger.items)
    if ledger.write_offs and owed:
        return "B"
    if account["closed_on"] == day:
        return "G" if account["closure_kind"] == "transferred" else "C"
    if days > 0:
        return digit(days)
    if was_late_this_month(ledger.items, month, day):
        return "M"
    return "N" if amount_due > 0 else "*"


def five_tier_class(status: str, days_past_due: int) -> int:
    """Rule 10: the class of a month end."""
    if status == "B":
        return 5
    limits = (0, 90, 270, 360)
    return 1 + sum(days_past_due > limit for limit in limits)


def month_end(
    account: Row, transactions: Iterable[Row], bills: Sequence[Row], policy: Row, month: date
) -> MonthEnd:
    """The replay of one month: the month's first day is given."""
    day = report_date(account, month)
    ledger = replay(transactions, bills, policy, day)
    late, overdue = overdue_items(ledger.items, day)
    oldest = min((item.due_on for item in late), default=None)
    days = (day - oldest).days if oldest else 0
    late_bill_dates = {item.due_on for item in late if item.kind != "penalty"}
    due_bills = [b for b in bills if b["statement_on"] <= day and month <= b["due_on"] <= day]
    amount_due = sum((amount for b in due_bills for _, amount in bill_parts(b, policy)), ZERO)
    paid_days = [row["occurred_at"].date() for row in ledger.repayments]
    turned = [item.paid_off_on for item in ledger.items if item.turned_late_by(day)]
    status = status_of(ledger, account, month, days, amount_due)
    balance = ledger.balance
    unpaid_principal = sum((i.unpaid for i in ledger.items if i.kind == "principal"), ZERO)
    return MonthEnd(
        month=month,
        report_date=day,
        balance=max(balance, ZERO),
        credit_balance=max(-balance, ZERO),
        charges_unpaid=sum((i.unpaid for i in ledger.items if i.kind != "principal"), ZERO),
        unbilled=balance - unpaid_principal,
        amount_due=amount_due,
        amount_paid=sum(
            (r["amount"] for r in ledger.repayments if r["occurred_at"].date() >= month), ZERO
        ),
        last_paid_on=max(paid_days, default=None),
        days_past_due=days,
        overdue_periods=max(len(late_bill_dates), 1 if late else 0),
        overdue_total=sum((item.unpaid for item in overdue), ZERO),
        overdue_principal=principal_aged(overdue, day, 0),
        overdue_principal_31_60=principal_aged(overdue, day, 31, 60),
        overdue_principal_61_90=principal_aged(overdue, day, 61, 90),
        overdue_principal_91_180=principal_aged(overdue, day, 91, 180),
        overdue_principal_over_180=principal_aged(overdue, day, 181),
        oldest_unpaid_due_on=oldest,
        repayment_status=status,
        five_tier_class=five_tier_class(status, days),
        last_late_item_paid_on=max((day for day in turned if day), default=None),
        written_off_on=min((r["occurred_at"].date() for r in ledger.write_offs), default=None),
    )


def history(
    account: Row, transactions: Sequence[Row], bills: Sequence[Row], policy: Row, month: date
) -> list[MonthEnd]:
    """Every month from opening to the given one, each its own replay; the given month is last."""
    months = []
    first = account["opened_on"].replace(day=1)
    while first <= month:
        months.append(month_end(account, transactions, bills, policy, first))
        first = next_month(first)
    return months


def five_tier_assigned_on(account: Row, months: Iterable[MonthEnd]) -> date:
    """Rule 10: since when the class of the last month stands.

    Back to class 1 without any late item that was paid (its penalty or the write-off was reversed):
    the report date of that month.
    """
    current, assigned_on = 1, account["opened_on"]
    for end in months:
        if end.five_tier_class != current:
            back_to_normal = end.five_tier_class == 1
            assigned_on = (back_to_normal and end.last_late_item_paid_on) or end.report_date
            current = end.five_tier_class
    return assigned_on


def episode_started_on(months: Iterable[MonthEnd]) -> date | None:
    """The name of the adverse episode that the last month belongs to (contracts, section 3)."""
    name = None
    for end in months:
        if not end.adverse:
            name = None
        elif name is None:
            name = end.oldest_unpaid_due_on or end.written_off_on
    return name


def credit_limit(account: Row, limits: Iterable[Row], day: date) -> Decimal | None:
    """The limit in force at the end of the day; of a draw, its agreement's."""
    holder = account["parent_account_id"] or account["account_id"]
    in_force = [row for row in limits if row["account_id"] == holder and row["effective_on"] <= day]
    newest = max(in_force, key=lambda row: row["effective_on"], default=None)
    return newest["credit_limit"] if newest else None


def remaining_periods(end: MonthEnd, bills: Iterable[Row]) -> int:
    """Due dates after R among the bills known at the cut-off (contracts, section 4)."""
    if end.repayment_status in CLOSED:
        return 0
    coming = {bill["due_on"] for bill in bills if bill["due_on"] > end.report_date}
    return max(len(coming), 1 if end.unbilled > 0 else 0)


def account_status(repayment_status: str) -> str:
    """Bureau code of the account's state: 1 normal, 2 overdue, 3 closed, 42 written off."""
    if repayment_status == "B":
        return "42"
    if repayment_status in CLOSED:
        return "3"
    return "2" if repayment_status in ADVERSE else "1"


def status_row(
    account: Row, bills: Sequence[Row], limits: Iterable[Row], months: Sequence[MonthEnd]
) -> Row:
    """The row of ``marts.repayment_status`` for the last month of the account's history."""
    end = months[-1]
    status = end.repayment_status
    copied = (
        "report_date balance credit_balance charges_unpaid amount_due amount_paid last_paid_on "
        "days_past_due overdue_periods overdue_total overdue_principal overdue_principal_31_60 "
        "overdue_principal_61_90 overdue_principal_91_180 overdue_principal_over_180 "
        "oldest_unpaid_due_on repayment_status five_tier_class"
    )
    return {
        "report_month": end.month,
        "account_id": account["account_id"],
        "credit_limit": credit_limit(account, limits, end.report_date),
        **{name: getattr(end, name) for name in copied.split()},
        "remaining_periods": remaining_periods(end, bills),
        "account_status": account_status(status),
        "five_tier_assigned_on": five_tier_assigned_on(account, months),
        "closed_on": account["closed_on"] if status in CLOSED else None,
    }
