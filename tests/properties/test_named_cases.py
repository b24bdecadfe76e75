"""The named cases hold in both derivations, on every field: one book, one build."""

from collections.abc import Callable

import pytest
from oracle.book import expected
from oracle.raw_rows import RawBook

from properties.fast_build import FastBuild, Row
from properties.hand_made import CASES
from properties.named_cases import CUT_OFF, MARCH_END


@pytest.fixture(scope="module")
def derived(fast_build: Callable[[str], FastBuild]) -> dict[tuple[str, str], Row]:
    """Derivation and account -> the fields of both marts."""
    build = fast_build("march")
    assert (build.run.month_end, build.run.as_of) == (MARCH_END, CUT_OFF)
    book = RawBook()
    for number, one in enumerate(CASES):
        one.tell(book, f"A{number:02d}")
    replayed = expected(book.tables, build.policy, build.run.month, build.run.as_of)
    rows: dict[tuple[str, str], Row] = {}
    for derivation, marts in (("sql", build.marts(book)), ("replay", vars(replayed))):
        for row in [*marts["reportable_population"], *marts["repayment_status"]]:
            rows.setdefault((derivation, row["account_id"]), {}).update(row)
    return rows


@pytest.mark.parametrize("derivation", ["sql", "replay"])
@pytest.mark.parametrize("number", range(len(CASES)), ids=[one.name for one in CASES])
def test_case(derived: dict[tuple[str, str], Row], derivation: str, number: int) -> None:
    found = derived[derivation, f"A{number:02d}"]
    wanted = CASES[number].row(MARCH_END) | {"reason_code": CASES[number].reason}
    assert {name: str(found[name]) for name in wanted} == {k: str(v) for k, v in wanted.items()}
