"""One account told in few words, and every field of its row written out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from oracle.raw_rows import RawBook, amount, moment

from properties.policies import product_code

Row = dict[str, Any]
YEAR = 2026
BORN_ON = date(1990, 3, 7)
MONEY = (
    *("balance", "credit_balance", "charges_unpaid", "amount_due", "amount_paid"),
    *("overdue_total", "overdue_principal", "overdue_principal_over_180"),
    *(f"overdue_principal_{days}" for days in ("31_60", "61_90", "91_180")),
)


def day(text: str) -> date:
    """``MM-DD`` of the report year, or a whole date."""
    return date.fromisoformat(text if len(text) > len("MM-DD") else f"{YEAR}-{text}")


def closed(on: str, kind: str = "settled") -> Row:
    """What an account's row says of its closing."""
    return {"closed_on": day(on), "closure_kind": kind}


class Account:
    """An authorized account of its own customer, whose rows are written in few words."""

    def __init__(
        self, book: RawBook, account_id: str, opened: str, product: str, closing: Row
    ) -> None:
        self.book, self.id, self.product, self.opened = book, account_id, product, day(opened)
        self.customer = f"C{account_id}"
        book.customer(self.customer, BORN_ON)
        values: Row = {"parent_account_id": f"AG{account_id}"} if "_R4_" in product else {}
        self.row = book.account(account_id, self.customer, product, self.opened, **values)
        if closing:
            self.correct(recorded_at=moment(closing["closed_on"], "23:00:00"), **closing)
        book.limit(values.get("parent_account_id", account_id), self.opened, "5000")
        book.consent(self.customer, product, moment(self.opened, "00:00:00"))

    def correct(self, **values: Any) -> None:
        """A newer version of the account's row."""
        self.row = self.row | values
        self.book.tables["accounts"].append(self.row)

    def move(
        self, kind: str, on: str, value: str | int, clock: str = "12:00:00", **more: Any
    ) -> str:
        """Money that moves; returns the transaction's id."""
        row = self.book.transaction(self.id, kind, moment(day(on), clock), value, **more)
        return str(row["transaction_id"])

    def spend(self, on: str, value: str | int) -> str:
        return self.move("cash_draw" if "_R4_" in self.product else "purchase", on, value)

    def repay(self, on: str, value: str | int, clock: str = "12:00:00", **more: Any) -> str:
        return self.move("repayment", on, value, clock, **more)

    def undo(self, transaction_id: str, on: str) -> str:
        return self.move("reversal", on, 1, reverses_transaction_id=transaction_id)

    def bill(
        self,
        statement: str,
        due: str,
        principal: str | int,
        interest: int = 0,
        fee: int = 0,
        minimum: int | None = None,
        **more: Any,
    ) -> Row:
        """A bill; returns its row."""
        return self.book.bill(
            self.id,
            day(statement),
            day(due),
            principal,
            interest_due=amount(interest),
            fee_due=amount(fee),
            minimum_due=None if minimum is None else amount(minimum),
            **more,
        )

    def notice(self, episode: str, sent: str) -> None:
        self.book.notice(self.id, day(episode), moment(day(sent)))


@dataclass(frozen=True)
class Case:
    """A story, and the row and the verdict that it must give."""

    story: Callable[[Account], None]
    opened: str
    product: str
    closing: Row
    values: Row
    reason: str

    @property
    def name(self) -> str:
        return self.story.__name__

    def tell(self, book: RawBook, account_id: str) -> None:
        """Write the story's rows into the book."""
        self.story(Account(book, account_id, self.opened, self.product, self.closing))

    def row(self, month_end: date) -> Row:
        """Every field of ``marts.repayment_status``: the quiet account, but for what is said."""
        quiet: Row = {
            "report_month": month_end.replace(day=1),
            "report_date": month_end,
            "credit_limit": 5000,
            **dict.fromkeys(MONEY, 0),
            "last_paid_on": None,
            "days_past_due": 0,
            "overdue_periods": 0,
            "oldest_unpaid_due_on": None,
            "remaining_periods": 0,
            "repayment_status": "*",
            "account_status": "1",
            "five_tier_class": 1,
            "five_tier_assigned_on": self.opened,
            "closed_on": None,
        }
        row = quiet | self.values
        for name, value in row.items():
            if name in MONEY or name == "credit_limit":
                row[name] = amount(value)
            elif name.endswith("_on") and isinstance(value, str):
                row[name] = day(value)
        return row


CASES: list[Case] = []


def case(
    opened: str = "01-05",
    product: str = "",
    closing: Row | None = None,
    reason: str = "REPORTED",
    **values: Any,
) -> Callable[[Callable[[Account], None]], Callable[[Account], None]]:
    """Register a story with the fields in which its row differs from a quiet account's."""

    def register(story: Callable[[Account], None]) -> Callable[[Account], None]:
        CASES.append(Case(story, opened, product or product_code(), closing or {}, values, reason))
        return story

    return register
