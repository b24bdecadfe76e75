"""Every column of every raw table missing or empty in turn: both derivations judge it alike."""

from collections.abc import Callable, Iterator

import pytest
from oracle.random_books import sql_type
from oracle.raw_rows import RawBook, amount, moment
from oracle.staging import TABLES

from properties.agreement import disagreements
from properties.fast_build import FastBuild
from properties.hand_made import Account, day
from properties.policies import product_code

# What stops the run (an unknown product), and what only one derivation has an opinion on: an
# agreement that is named by an empty text.
NOT_JUDGED = {("accounts", "product_code"), ("consents", "product_code")}
NOT_JUDGED |= {("accounts", "parent_account_id")}


def tell(book: RawBook, account_id: str) -> None:
    """A draw with a row in every table, late and noticed."""
    a = Account(book, account_id, "2025-12-01", product_code(account_type="R4"), {})
    a.spend("2025-12-05", 300)
    a.bill("01-01", "01-10", 100, interest=5, fee=3, minimum=50)
    a.undo(a.repay("01-12", 30), "02-01")
    a.notice("01-10", "01-12")
    known = moment(day("02-01"))
    book.add(
        "disputes",
        known,
        dispute_id=f"D{account_id}",
        account_id=account_id,
        received_on=day("02-01"),
        claim="not mine",
    )
    book.add(
        "internal_scores",
        known,
        customer_id=a.customer,
        scored_on=day("02-01"),
        score=amount(600),
    )


def spoilings() -> Iterator[tuple[str, str, str | None]]:
    """Raw table, column and the value that stands in it."""
    for table, layout in TABLES.items():
        for column in layout.columns:
            yield table, column, None
            if sql_type(column) == "VARCHAR" and (table, column) not in NOT_JUDGED:
                yield from ((table, column, value) for value in ("", " ", "x"))


@pytest.fixture
def spoiled() -> tuple[RawBook, dict[str, tuple[str, str, str | None]]]:
    """A book with an account for each spoiling, and which account is spoilt how."""
    book, how = RawBook(), {}
    for number, (table, column, value) in enumerate(spoilings()):
        account_id = f"A{number:04d}"
        places = {name: len(rows) for name, rows in book.tables.items()}
        tell(book, account_id)
        book.tables[table][places[table]][column] = value
        how[account_id] = (table, column, value)
    return book, how


def test_a_missing_or_empty_value_is_judged_alike(
    fast_build: Callable[[str], FastBuild],
    spoiled: tuple[RawBook, dict[str, tuple[str, str, str | None]]],
) -> None:
    book, how = spoiled
    assert len(how) > 200
    found = disagreements(fast_build("march"), book)
    assert not found, [how.get(name) for where in found.values() for name in where]
