"""The fast build is the real one: the same marts of the same book."""

from collections.abc import Callable

import pytest
from support.nightly import first

from properties.fast_build import MARTS, RUNS, FastBuild


@pytest.mark.parametrize("name", first(1, RUNS))
def test_the_fast_build_gives_the_marts_of_the_product(
    fast_build: Callable[[str], FastBuild], name: str
) -> None:
    build = fast_build(name)
    real = build.real_marts()
    assert all(len(real[mart]) > 5 for mart in MARTS)
    # the product read files in which some rows stand twice: only the counts tell
    fast = build.marts(build.example)
    for mart in ("repayment_status", "reportable_population"):
        assert fast[mart] == real[mart]
    assert {row["table_name"]: row["good"] for row in fast["feed_counts"]} == {
        row["table_name"]: row["good"] for row in real["feed_counts"]
    }
