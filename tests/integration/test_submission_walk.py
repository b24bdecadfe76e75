"""A disorderly lender and its bureau, step by step beside the model and the oracle.

Late and doubled rows, months run again, declined runs, rejected records, refused files that are
sent again, held and doubled answers, supplements (life cycle, sections 2, 3, 5, 9 and 12).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oracle.random_books import write_policy
from support.circles import circle_of
from support.gnupg_keys import needs_gpg
from support.lender_months import settings_in
from support.submission_walk import Landing, Walk

from reporting.core.settings import DBT_PROJECT
from reporting.submission import verify

pytestmark = needs_gpg

FOR_GOOD = ("ABE001",)


@contextmanager
def walk_in(folder: Path, seed: int, accounts: int, months: int) -> Iterator[Walk]:
    """A lender with a random book of its own, and its bureau."""
    policy = folder / "policy.csv"
    write_policy(DBT_PROJECT / "seeds" / "product_policy.csv", policy)
    settings = settings_in(folder, policy=policy, notice_lead_days=1)
    with circle_of(settings) as circle:
        yield Walk(circle, Landing(settings, seed, accounts, months), FOR_GOOD)


def require_end(walk: Walk) -> None:
    """The bureau holds what was reported and accepted, and what the oracle says."""
    circle = walk.circle
    held = circle.months_held()
    assert held == circle.months_reported()
    expected = walk.months_accepted()
    rows = {(row["AcctCode"], row["Month"]): row for row in circle.held("months")}
    assert set(rows) == set(expected)
    for key, segment in expected.items():
        assert {tag: rows[key][tag] for tag in segment} == segment, key
    assert verify.faults(circle.settings) == []


def test_every_state_and_every_record_of_a_short_walk_is_the_models(tmp_path: Path) -> None:
    with walk_in(tmp_path, seed=4, accounts=40, months=3) as walk:
        assert walk.run("2026-01") is None
        walk.send("2026-01")
        walk.receive("--reject", "2=ABR006", "--reject", "1=ABE001", "--seed", "3")
        walk.landing.deliver()
        assert walk.run("2026-02") is None
        walk.answer()  # held until February was built, which is stale now
        walk.answer_twice()
        assert walk.run("2026-01", "2026-02-10") is None
        walk.send("2026-01")
        walk.receive("--reject", "1=ABR006", "--seed", "5")
        walk.answer()
        assert walk.run("2026-02") is None
        walk.decline("2026-02")
        walk.landing.deliver()
        assert walk.run("2026-02", "2026-03-06") is None
        walk.send("2026-02")
        (file,) = walk.names("210")[:1]
        walk.receive("--refuse", f"{file}=ABF000")
        walk.answer()
        walk.send_again("2026-02")
        walk.receive()
        walk.answer()
        require_end(walk)
        assert {"own run", "supplement", "reproduction"} <= walk.seen
