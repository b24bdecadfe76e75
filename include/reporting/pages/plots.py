"""The geometry of the drawings: whole units, no data is read here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from reporting.core.seeds import reasons

# By position of the reason. The most accounts are REPORTED: its colour is the calm one. The others
# alternate between light and dark, so that neighbours differ without colours too.
COLOURS = (
    *("#d9d9d9", "#8c8c8c", "#f0e442", "#882255", "#ffb6c1", "#d55e00"),
    *("#f5c98b", "#117733", "#a6dba0", "#5e3c99", "#cc79a7", "#2f6fa7"),
)
UNKNOWN_COLOUR = "#000000"

BUCKETS = {  # of days past due, the longer the darker; what is written off is no longer aged
    "1-30": "#fdebd0",
    "31-60": "#f8bf7a",
    "61-90": "#e8892b",
    "91-180": "#b85c00",
    "181 and more": "#7a3b00",
    "written off": "#1b1f24",
}

STATUSES = ("*", "N", "M", "1", "2", "3", "4", "5", "6", "7", "B", "C", "G")
RANKS = {"*": 0, "N": 0, "M": 0, **{str(late): late for late in range(1, 8)}, "B": 8}
SHADES = 5


@dataclass(frozen=True)
class Part:
    """A piece of a bar, from its left edge."""

    name: str
    left: int
    width: int
    colour: str
    number: int


def bar(
    numbers: Mapping[str, int], colours: Mapping[str, str], width: int, whole: int
) -> list[Part]:
    """The pieces of a bar in the order of the numbers; ``whole`` is what the full width stands for.

    A piece that is there is at least one unit, which is taken from the largest piece: there are no
    gaps, and the bar ends where the sum of its numbers stands.
    """
    shown = {name: number for name, number in numbers.items() if number}
    total = sum(shown.values()) or 1
    end = max(len(shown), width * total // whole)
    edges = [end * done // total for done in accumulate(shown.values(), initial=0)]
    widths = [max(1, right - left) for left, right in pairwise(edges)]
    for _ in range(sum(widths) - end):
        widths[widths.index(max(widths))] -= 1
    lefts = accumulate(widths, initial=0)
    return [
        Part(name, left, piece, colours.get(name, UNKNOWN_COLOUR), number)
        for (name, number), left, piece in zip(shown.items(), lefts, widths, strict=False)
    ]


def colour_of(code: str) -> str:
    """The colour of a reason, the same on every page."""
    known = list(reasons())
    position = known.index(code) if code in known else len(COLOURS)
    return COLOURS[position] if position < len(COLOURS) else UNKNOWN_COLOUR


@dataclass(frozen=True)
class Square:
    """Accounts that had one status and have another one now."""

    row: int
    column: int
    accounts: int
    kind: str  # worse, better or same
    shade: int  # 1 to 5: the share of the row, in fifths, rounded up


@dataclass(frozen=True)
class Matrix:
    """The statuses of the month before as rows and of this month as columns; '' is not open."""

    rows: list[str]
    columns: list[str]
    squares: list[Square]
    worse: int  # accounts whose status is worse than before
    open_before: int  # accounts open in both months that could become worse
    cured: int  # overdue before, not overdue now
    overdue_before: int


def matrix(counts: Mapping[tuple[str, str], int]) -> Matrix:
    """Lay the moves between statuses out; statuses that no one has are left out."""
    rows = _in_order({before for before, _ in counts})
    columns = _in_order({now for _, now in counts})
    totals = {row: sum(n for (before, _), n in counts.items() if before == row) for row in rows}
    squares = [
        Square(
            rows.index(before),
            columns.index(now),
            accounts,
            _kind(before, now),
            -(-SHADES * accounts // totals[before]),
        )
        for (before, now), accounts in sorted(counts.items())
    ]
    ranked = {
        (RANKS[before], RANKS[now], before, now): n
        for (before, now), n in counts.items()
        if before in RANKS and now in RANKS
    }
    overdue = [str(late) for late in range(1, 8)]
    return Matrix(
        rows,
        columns,
        squares,
        worse=sum(n for (before, now, *_), n in ranked.items() if now > before),
        open_before=sum(n for (_, _, before, _), n in ranked.items() if before != "B"),
        cured=sum(n for (_, now, before, _), n in ranked.items() if before in overdue and now == 0),
        overdue_before=sum(n for (_, _, before, _), n in ranked.items() if before in overdue),
    )


def _in_order(statuses: set[str]) -> list[str]:
    known = [status for status in STATUSES if status in statuses]
    return known + sorted(statuses - {*STATUSES, ""}) + [""] * ("" in statuses)


def _kind(before: str, now: str) -> str:
    if before not in RANKS or now not in RANKS or RANKS[before] == RANKS[now]:
        return "same"
    return "worse" if RANKS[now] > RANKS[before] else "better"


def colours_of(codes: Sequence[str]) -> dict[str, str]:
    """The colours of some reasons."""
    return {code: colour_of(code) for code in codes}
