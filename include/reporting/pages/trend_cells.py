"""The texts, colours and bars of the trend page; it reads no data."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.pages.plots import colour_of
from reporting.pages.site import Phrase

STACK_HEIGHT, BAR_HEIGHT = 140, 34
MARKS = {"critical": "✖", "warning": "▲"}


@dataclass(frozen=True)
class Month:
    """A column of every table; stopped where a critical check failed in its last run."""

    label: str
    is_stopped: bool


@dataclass(frozen=True)
class Cell:
    """A number in its words, with the class that colours it."""

    text: str
    kind: str = ""
    small: str = ""
    title: str = ""
    page: str = ""  # month whose checks it leads to


NOTHING = Cell("\N{EN DASH}", "n")


@dataclass(frozen=True)
class Bar:
    """How many of a month's checks passed."""

    rate: str
    height: int
    failed: int
    evaluated: int


@dataclass(frozen=True)
class Part:
    """A reason's share of a month's stack, in pixels from the top."""

    top: int
    height: int
    colour: str
    title: str


@dataclass(frozen=True)
class Stack:
    """A month's accounts by reason."""

    total: int
    parts: list[Part]


def check_cell(
    phrase: Phrase,
    month: Month,
    severity: str,
    passed: bool,
    is_waived: bool,
    failing: int,
    checked: int,
) -> Cell:
    """A check's result in one month: its mark and the share of the rows that failed."""
    share = share_of(failing, checked)
    page = month.label
    title = (
        phrase("rows_failing", failing=failing, checked=checked) if failing or not passed else ""
    )
    if passed:
        return Cell("✓", "p", share if failing else "", title, page)
    if is_waived:
        return Cell(f"▲ {share}", "w", phrase("waived"), title, page)
    if severity not in MARKS:
        return Cell(f"i {share}", "i", "", title, page)
    return Cell(f"{MARKS[severity]} {share}", darkness(failing, checked), "", title, page)


def share_of(part: int, whole: int) -> str:
    """A share in words: nothing that is there reads 0 %, and nothing incomplete 100 %."""
    if not whole:
        return "0 / 0"
    tenths = (2000 * part + whole) // (2 * whole)
    if part and not tenths:
        return "<0.1 %"
    if part < whole and tenths == 1000:  # noqa: PLR2004 - a thousand tenths of a percent
        return ">99.9 %"
    return f"{tenths // 10}.{tenths % 10} %" if tenths % 10 else f"{tenths // 10} %"


def darkness(part: int, whole: int) -> str:
    """The class of a fault: up to 1 %, up to 10 %, or more of the rows. Of no rows all failed."""
    if whole and 100 * part <= whole:
        return "a"
    return "b" if whole and 10 * part <= whole else "c"


def bar_of(evaluated: int, passed: int) -> Bar:
    """A month's pass rate."""
    failed = evaluated - passed
    height = BAR_HEIGHT * passed // evaluated  # rounded down: one failed check must be visible
    return Bar(share_of(passed, evaluated), height, failed, evaluated)


def withheld_cell(phrase: Phrase, built: int, withheld: int) -> Cell:
    """The records of a month that were not sent."""
    kind = darkness(withheld, built) if withheld else ""
    return Cell(f"{withheld:,}", kind, phrase("trend.of", whole=built), share_of(withheld, built))


def stacks_of(codes: Sequence[str], accounts: Sequence[dict[str, int]]) -> list[Stack]:
    """The stacks of all months on one scale."""
    highest = max((sum(counts.values()) for counts in accounts), default=0)
    stacks = []
    for counts in accounts:
        total = sum(counts.values())
        below, parts = total, []
        for code in codes:
            count = counts.get(code, 0)
            # edges are rounded, not heights: no gaps, and a stack ends at the bottom
            top = STACK_HEIGHT - STACK_HEIGHT * below // highest if highest else 0
            below -= count
            bottom = STACK_HEIGHT - STACK_HEIGHT * below // highest if highest else 0
            if bottom > top:
                parts.append(Part(top, bottom - top, colour_of(code), f"{code}: {count:,}"))
        stacks.append(Stack(total, parts))
    return stacks
