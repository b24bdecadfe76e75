"""Every combination of the policy's rule values, each with an account rich enough to show it."""

import itertools
from collections.abc import Callable

import pytest
from oracle.book import expected
from oracle.raw_rows import RawBook, moment

from properties.agreement import compare
from properties.fast_build import FastBuild, Row, Rows
from properties.hand_made import Account, day
from properties.policies import DIMENSIONS, combinations, product_code

pytestmark = pytest.mark.nightly  # shorter tests hold parts of it

RULES = ("grace days", "due basis", "prepayment", "allocation order", "on withdrawal")


def tell_rich_ledger(a: Account) -> None:
    """Money for every rule value to show in: March 2026 is the month that is looked at."""
    a.spend("2025-12-02", 2000)
    a.bill("2025-12-20", "01-05", 100, interest=20, fee=10, minimum=60)
    a.move("penalty", "01-08", 15)
    bounced = a.repay("01-12", 40)
    a.repay("01-20", 95)
    a.move("waiver", "01-25", 7)
    a.repay("02-05", 300)  # more than is due: held, or off the balance
    a.undo(bounced, "02-15")
    a.bill("02-06", "02-08", 150, interest=31, fee=22, minimum=120)  # 51 days at the month end
    a.bill("02-20", "03-10", 90, interest=17, fee=29, minimum=100)
    a.move("penalty", "03-10", 23)  # due with the bill: the order decides between all four
    a.repay("03-12", 35)
    a.bill("03-01", "03-20", 60, interest=13, fee=19)
    a.move("penalty", "03-20", 11)
    a.move("refund", "03-21", 60)
    for due in ("03-28", "03-29", "03-30", "03-31"):  # 3, 2, 1 and no days at the month end
        a.bill("03-15", due, 50, interest=7, fee=5, minimum=20)
    a.repay("03-31", 26, "23:59:59")
    a.book.consent(a.customer, a.product, moment(day("03-05")), action="withdrawn")


@pytest.fixture(scope="module")
def march(fast_build: Callable[[str], FastBuild]) -> FastBuild:
    return fast_build("march")


@pytest.fixture(scope="module")
def rich_book() -> RawBook:
    """One account of every product."""
    book = RawBook()
    for number, (code, _) in enumerate(combinations(), start=1):
        tell_rich_ledger(Account(book, f"A{number:04d}", "2025-12-01", code, {}))
    return book


def sent_of(book: RawBook) -> set[str]:
    """Its accounts: of each a record was sent before, so that the policy alone decides run-off."""
    return {row["account_id"] for row in book.tables["accounts"]}


@pytest.fixture(scope="module")
def marts(march: FastBuild, rich_book: RawBook) -> dict[str, Rows]:
    return march.marts(rich_book, sent_of(rich_book))


def test_the_derivations_agree_under_every_policy(
    march: FastBuild, rich_book: RawBook, marts: dict[str, Rows]
) -> None:
    assert len(marts["repayment_status"]) == 4 * 2 * 2 * 24 * 2 * 2 * 2
    replayed = expected(
        rich_book.tables, march.policy, march.run.month, march.run.as_of, sent=sent_of(rich_book)
    )
    assert not compare(replayed, marts)


def shown_of(marts: dict[str, Rows]) -> dict[str, Row]:
    """Product -> what both marts say of its account, without the names of things."""
    products = {row["account_id"]: row["product_code"] for row in marts["reportable_population"]}
    names = {"account_id", "customer_id", "product_code", "consent_event_id"}
    shown: dict[str, Row] = {product: {} for product in products.values()}
    for mart in ("repayment_status", "reportable_population"):
        for row in marts[mart]:
            shown[products[row["account_id"]]] |= {k: v for k, v in row.items() if k not in names}
    return shown


@pytest.mark.parametrize(("rule", "least"), list(zip(RULES, (4, 2, 2, 10, 2), strict=True)))
def test_the_rich_ledger_shows_the_rule_values(
    marts: dict[str, Rows], rule: str, least: int
) -> None:
    """A ledger on which a rule makes no difference would prove nothing about the rule.

    Not all 24 orders can be told apart: fee and interest side by side show only as their sum, and
    at a month end the money stops inside one due date.
    """
    shown = shown_of(marts)
    chosen = [list(values) for values in DIMENSIONS[: len(RULES)]]
    place = RULES.index(rule)
    before, values, after = chosen[:place], chosen[place], chosen[place + 1 :]
    outcomes = {
        str(
            [
                shown[product_code(*low, value, *high)]
                for low in itertools.product(*before)
                for high in itertools.product(*after)
            ]
        )
        for value in values
    }
    assert len(outcomes) >= least
