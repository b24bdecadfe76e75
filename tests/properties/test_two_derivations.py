"""Two derivations, the SQL and the replay, agree on every field of any book."""

import pprint
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.raw_rows import RawBook
from support.nightly import first

from properties.agreement import disagreements
from properties.fast_build import RUNS, FastBuild
from properties.strategies import books


def told(book: RawBook, account_id: str) -> str:
    """Everything that was delivered about an account, without what is not said."""
    accounts = [row for row in book.tables["accounts"] if row["account_id"] == account_id]
    ids = {account_id, *(row["customer_id"] for row in accounts)}
    ids |= {row["parent_account_id"] for row in accounts} - {None}
    return pprint.pformat(
        {
            table: [{k: str(v) for k, v in row.items() if v is not None} for row in found]
            for table, rows in book.tables.items()
            if (found := [r for r in rows if {r.get("account_id"), r.get("customer_id")} & ids])
        },
        sort_dicts=False,
        width=200,
    )


@pytest.mark.parametrize("name", first(0, RUNS))
@given(data=st.data())
def test_the_marts_are_what_the_replay_says(
    fast_build: Callable[[str], FastBuild], name: str, data: st.DataObject
) -> None:
    build = fast_build(name)
    book = data.draw(books(build.run, build.settings.notice_lead_days))
    found = disagreements(build, book)
    who = sorted({a for mart, where in found.items() if mart != "feed_counts" for a in where})
    assert not found, f"{pprint.pformat(found)}\n{told(book, who[0]) if who else ''}"
