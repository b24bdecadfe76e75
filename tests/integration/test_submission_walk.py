"""A disorderly lender and its bureau, step by step beside the model and the oracle.

Late and doubled rows, months run again, declined runs, rejected records, refused files that are
sent again, held and doubled answers, supplements (life cycle, sections 2, 3, 5, 9 and 12).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
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


@pytest.mark.nightly
def test_every_state_and_every_record_of_a_short_walk_is_the_models(tmp_path: Path) -> None:
    with walk_in(tmp_path, seed=4, accounts=40, months=3) as walk:
        assert walk.run("2026-01") is None
        walk.send("2026-01")
        walk.receive("--reject", "2=ABR006", "--reject", "1=ABE001", "--seed", "3")
        walk.landing.deliver()
        assert walk.run("2026-02") is None
        walk.answer()  # held until February was built, which is stale now
        walk.answer_twice()
        walk.decline("2026-02")
        assert walk.run("2026-01", "2026-02-10") is None
        walk.send("2026-01")
        walk.receive("--reject", "1=ABR006", "--seed", "5")
        walk.answer()
        walk.landing.deliver()
        assert walk.run("2026-02", "2026-03-06") is None
        walk.send("2026-02")
        file = walk.waiting("210")[0]
        walk.receive("--refuse", f"{file}=ABF000")
        walk.answer()
        walk.send_again("2026-02")
        walk.receive()
        walk.answer()
        require_end(walk)
        assert {"own run", "supplement", "reproduction", "stale"} <= walk.seen
        assert {"REJECTED 210", "REFUSED 210"} <= walk.seen


# --- random walks --------------------------------------------------------------------------------


@dataclass
class RandomWalk:
    """What a lender and its bureau do, month by month, by dice."""

    walk: Walk
    dice: Random
    is_held: bool = False  # the bureau's answers to the month before

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def go(self, month: str, before: str, after: str) -> None:
        """One month, from its own run to its last supplement."""
        walk = self.walk
        if self.chance(0.7):
            walk.landing.deliver()
        walk.run(month)
        if self.chance(0.3):
            walk.landing.deliver()
            if self.chance(0.5):
                walk.decline(month)
            walk.run(month, self.dice.choice((None, f"{after}-06")))
        if self.is_held:
            self.late_answers(month, before, after)
        walk.send(month)
        self.judge()
        if self.chance(0.3):
            self.is_held = True
            return
        self.read_answers(month, after)

    def late_answers(self, month: str, before: str, after: str) -> None:
        """The answers to the month before come once this one is built."""
        walk, self.is_held = self.walk, False
        walk.answer()
        if not walk.is_stale():
            return
        as_of = None
        if self.chance(0.5) and walk.run(before, f"{after}-08") is None:
            walk.send(before)
            walk.receive()
            walk.answer()
            as_of = f"{after}-08"
        walk.run(month, as_of)

    def judge(self) -> None:
        """The bureau rejects some records, and now and then refuses a file."""
        kind = self.dice.choice(("210", "210", "110", "220"))
        code = self.dice.choice(("ABR006", "ABE001"))
        orders = ["--reject", f"{self.dice.randint(0, 3)}={code}", "--reject-type", kind]
        names = self.walk.waiting("110", "210", "220")
        if names and self.chance(0.3):
            orders += ["--refuse", f"{self.dice.choice(names)}=ABF000"]
        self.walk.receive(*orders, "--seed", str(self.dice.randint(1, 99)))

    def read_answers(self, month: str, after: str) -> None:
        """The answers come; what is refused is sent again, and what is rejected is repaired."""
        walk = self.walk
        walk.answer()
        if self.chance(0.2):
            walk.answer_twice()
        if walk.is_refused(month) and self.chance(0.6):
            walk.send_again(month)
            walk.receive()
            walk.answer()
        if self.chance(0.6):
            walk.landing.deliver()
            if walk.run(month, f"{after}-12") is None:
                walk.send(month)
                self.judge()
                walk.answer()


def months_from(first: str, count: int) -> list[str]:
    """Some months after each other."""
    year, month = map(int, first.split("-"))
    places = range(year * 12 + month - 1, year * 12 + month - 1 + count)
    return [f"{place // 12}-{place % 12 + 1:02d}" for place in places]


@pytest.mark.nightly
@pytest.mark.parametrize(("seed", "count"), [(21, 4), (22, 4), (31, 12), (32, 12)])
def test_random_lenders_end_with_what_the_bureau_holds(
    tmp_path: Path, seed: int, count: int
) -> None:
    with walk_in(tmp_path, seed, accounts=60, months=count) as walk:
        story = RandomWalk(walk, walk.landing.dice)
        before, *months = months_from("2025-12", count + 2)
        for month, after in pairwise(months):
            story.go(month, before, after)
            before = month
        walk.answer()
        require_end(walk)
