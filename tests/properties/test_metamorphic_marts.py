"""What must not change a month: told to the marts of one disorderly book, change by change."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from random import Random
from typing import Any

import pytest
from oracle.book import expected
from oracle.random_books import random_book
from oracle.raw_rows import RawBook, amount
from oracle.staging import TABLES
from support.nightly import first

from properties.agreement import disagreements
from properties.fast_build import FastBuild, Row, Rows
from properties.hand_made import Account

RUNS = ("march", "at_month_end", "late")
WHO_AND_WHAT = ("repayment_status", "reportable_population")
Marts = dict[str, Rows]


class Month:
    """One run over a book, with the marts before the change."""

    def __init__(self, build: FastBuild) -> None:
        self.build = build
        self.book = random_book(77, build.policy, accounts=150)
        self.before = build.marts(self.book)

    def changed(self, change: Callable[[RawBook], Any]) -> Marts:
        """The marts after a change to a copy of the book."""
        book = deepcopy(self.book)
        change(book)
        return self.build.marts(book)


@pytest.fixture(scope="module", params=first(1, RUNS))
def month(request: pytest.FixtureRequest, fast_build: Callable[[str], FastBuild]) -> Month:
    return Month(fast_build(request.param))


def assert_nobody_changed(month: Month, after: Marts) -> None:
    assert len(month.before["repayment_status"]) > 50
    for mart in WHO_AND_WHAT:
        assert after[mart] == month.before[mart]


def counts(marts: Marts, table: str) -> dict[str, int]:
    """Place -> rows of a raw table."""
    row = next(row for row in marts["feed_counts"] if row["table_name"] == table)
    return {name: value for name, value in row.items() if isinstance(value, int)}


def test_the_order_of_delivery_does_not_matter(month: Month) -> None:
    def shuffle(book: RawBook) -> None:
        for rows in book.tables.values():
            Random(5).shuffle(rows)  # noqa: S311 - test data, no secret

    assert month.changed(shuffle) == month.before


def test_extracts_delivered_twice_count_once(month: Month) -> None:
    def double(book: RawBook) -> None:
        for table, rows in book.tables.items():
            book.tables[table] = rows + [row for row in deepcopy(rows) if has_key(table, row)]

    def has_key(table: str, row: Row) -> bool:
        return None not in [row[name] for name in (*TABLES[table].key, "recorded_at")]

    after = month.changed(double)
    assert_nobody_changed(month, after)
    for table in month.book.tables:
        before, now = (counts(marts, table) for marts in (month.before, after))
        unchanged = ("good", "superseded", "quarantined")
        assert [now[place] for place in unchanged] == [before[place] for place in unchanged], table
        keyless = sum(not has_key(table, row) for row in month.book.tables[table])
        assert now["delivered"] == 2 * before["delivered"] - keyless


@pytest.mark.parametrize("column", ["transaction_id", "recorded_at"])
def test_a_row_without_key_or_moment_delivered_twice_counts_once(month: Month, column: str) -> None:
    book = RawBook()
    account = Account(book, "A1", "2025-12-01", "HUABEI", {})
    account.repay("2025-12-05", 10)
    book.tables["transactions"][0][column] = None
    book.tables["transactions"] *= 2
    assert not disagreements(month.build, book)


def test_a_payment_in_two_halves_of_one_moment_is_one_payment(month: Month) -> None:
    staged = expected(
        month.book.tables, month.build.policy, month.build.run.month, month.build.run.as_of
    ).staged
    versions = Counter(row["transaction_id"] for row in month.book.tables["transactions"])
    undone = {row["reverses_transaction_id"] for row in month.book.tables["transactions"]}
    whole = {
        row["transaction_id"]
        for row in staged.good["transactions"]
        if row["transaction_type"] == "repayment" and row["amount"] > 1
    }
    whole = {name for name in whole - undone if versions[name] == 1}
    assert len(whole) > 50

    def split(book: RawBook) -> None:
        rows = book.tables["transactions"]
        for row in [row for row in rows if row["transaction_id"] in whole]:
            rows.append(
                row | {"transaction_id": f"{row['transaction_id']}B", "amount": amount("0.37")}
            )
            row["amount"] -= amount("0.37")

    after = month.changed(split)
    assert_nobody_changed(month, after)
    before, now = (counts(marts, "transactions") for marts in (month.before, after))
    more = dict.fromkeys(("delivered", "good"), len(whole))
    assert now == {place: number + more.get(place, 0) for place, number in before.items()}


def test_an_account_of_somebody_else_changes_nobody(month: Month) -> None:
    def add(book: RawBook) -> None:
        stranger = Account(book, "STRANGER", "2025-12-01", "HUABEI", {})
        stranger.spend("2025-12-05", 300)
        stranger.bill("2026-01-01", "2026-01-10", 300)

    after = month.changed(add)
    own = {mart: [r for r in after[mart] if r["account_id"] == "STRANGER"] for mart in WHO_AND_WHAT}
    assert [len(rows) for rows in own.values()] == [1, 1]
    others = {mart: [r for r in after[mart] if r not in own[mart]] for mart in WHO_AND_WHAT}
    assert_nobody_changed(month, others)


def test_what_is_recorded_after_the_cut_off_might_as_well_not_be_there(month: Month) -> None:
    as_of: datetime = month.build.run.as_of

    def forget(book: RawBook) -> None:
        for rows in book.tables.values():
            rows[:] = [row for row in rows if not (row["recorded_at"] or as_of) > as_of]

    after = month.changed(forget)
    assert_nobody_changed(month, after)
    for table in month.book.tables:
        before, now = (counts(marts, table) for marts in (month.before, after))
        # what waited for its account's row is now a row of nobody: quarantined
        unchanged = ("good", "duplicates", "superseded")
        assert [now[place] for place in unchanged] == [before[place] for place in unchanged], table
