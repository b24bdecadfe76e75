"""A printed summary of a synthetic book: rows, statuses, roll rates, consents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table

STATUSES = ("*", "N", "M", "1", "2", "3", "4", "5", "6", "7", "B", "C", "G")
BUCKETS = {
    "current": "current",
    "1": "1-30",
    "2": "31-60",
    "3": "61-90",
    "4": "91-120",
    "5": "121-150",
    "6": "151-180",
    "7": "over 180",
    "B": "written off",
    "closed": "closed",
}


@dataclass(frozen=True)
class BookSummary:
    """Numbers of a generated book; statuses and roll rates come from the generator's own plan."""

    landing: Path
    seed: int
    rows: dict[str, int]
    statuses: dict[date, dict[str, int]]
    """Accounts per month and repayment status."""
    rolls: dict[tuple[str, str], int]
    """Account months by bucket of a month and of the month after, summed over the book."""
    consents: dict[tuple[str, str], int]
    """Contracts (customer, product, institution) by basis and set of documents in force."""


def render(summary: BookSummary) -> RenderableType:
    """A printable summary of the book."""
    return Group(
        f"Synthetic book of seed {summary.seed} in {summary.landing}",
        "All persons, numbers and addresses are synthetic: no person in this book exists.",
        _rows(summary),
        _statuses(summary),
        _rolls(summary),
        _consents(summary),
    )


def _table(title: str, first: str, others: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _rows(summary: BookSummary) -> Table:
    table = _table("Rows delivered", "table", ["rows"])
    for name, count in summary.rows.items():
        table.add_row(name, f"{count:,}")
    return table


def _statuses(summary: BookSummary) -> Table:
    table = _table("Repayment status, % of the open accounts", "month", [*STATUSES[:11], "closed"])
    for month, counts in summary.statuses.items():
        is_open = sum(n for status, n in counts.items() if status not in "CG")
        shares = [
            f"{100 * counts.get(status, 0) / max(is_open, 1):.1f}" for status in STATUSES[:11]
        ]
        closed = counts.get("C", 0) + counts.get("G", 0)
        table.add_row(f"{month:%Y-%m}", *shares, f"{closed:,}")
    return table


def _rolls(summary: BookSummary) -> Table:
    table = _table(
        "Month-to-month roll rates by days past due, %", "from \\ to", list(BUCKETS.values())
    )
    for start, label in BUCKETS.items():
        total = sum(n for (origin, _), n in summary.rolls.items() if origin == start)
        if total:
            shares = (100 * summary.rolls.get((start, end), 0) / total for end in BUCKETS)
            table.add_row(label, *(f"{share:.1f}" if share else "" for share in shares))
    return table


def _consents(summary: BookSummary) -> Table:
    table = _table("Documents in force at the end of the book", "basis: documents", ["contracts"])
    for (basis, documents), count in summary.consents.items():
        table.add_row(f"{basis}: {documents}", f"{count:,}")
    return table
