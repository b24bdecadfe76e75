"""What an account owes is a plain sum of what happened, whatever paid what, in any book."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.book import expected
from support.nightly import first

from properties.fast_build import RUNS, FastBuild
from properties.strategies import books


@pytest.mark.parametrize("name", first(1, RUNS))
@given(data=st.data())
def test_the_position_of_each_product_is_the_sum_of_its_rows_and_that_of_the_replay(
    fast_build: Callable[[str], FastBuild], name: str, data: st.DataObject
) -> None:
    build = fast_build(name)
    book = data.draw(books(build.run, build.settings.notice_lead_days))
    build.marts(book)
    replayed = expected(
        book.tables, build.policy, build.run.month, build.run.as_of, build.settings.notice_lead_days
    )
    grain = {
        row["account_id"]: (row["reporter_code"], row["product_code"])
        for row in replayed.reportable_population
    }
    wanted: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in replayed.repayment_status:
        position = row["balance"] - row["credit_balance"] + row["charges_unpaid"]
        wanted[grain[row["account_id"]]] += position
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in build.positions():
        side = found if row["part"] == "total" else sums
        side[row["reporter_code"], row["product_code"]] += row["balance"]
    assert sums == found
    assert found == wanted
