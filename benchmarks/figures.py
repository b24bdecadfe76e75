"""What is made of raw figures: the middle of the runs, their number, their peak of memory."""

import statistics
from typing import Any

Figures = dict[str, Any]
GIGABYTE = 1024**3


def median(runs: list[Figures], name: str = "seconds") -> float:
    """The median of one figure."""
    return float(statistics.median(run[name] for run in runs))


def count_runs(row: Figures) -> int:
    """How often a row's commands ran: each of its lists holds one entry a run."""
    return max(len(runs) for runs in row.values() if isinstance(runs, list))


def peak(runs: list[Figures]) -> float:
    """The largest peak, in bytes."""
    return float(max(run["peak_bytes"] for run in runs))


def memory(runs: list[Figures]) -> str:
    """The largest peak, as the page shows it."""
    return f"{peak(runs) / GIGABYTE:.1f} GB"


def machines(rows: Figures) -> list[Figures]:
    """The machines on which the rows were measured, that of most rows first."""
    places = [row["machine"] for row in rows.values()]
    distinct = [place for number, place in enumerate(places) if place not in places[:number]]
    return sorted(distinct, key=places.count, reverse=True)


def are_beside(rows: Figures, name: str, other: str) -> bool:
    """Whether another row was measured, too, and on the machine of this one."""
    return other in rows and rows[other]["machine"] == rows[name]["machine"]


def measured(rows: Figures, name: str) -> str:
    """The day and the number of runs of a row, and its machine where that is not the first."""
    row = rows[name]
    number = machines(rows).index(row["machine"]) + 1
    where = f", machine {number}" if number > 1 else ""
    return f"{row['measured_on']}, {count_runs(row)}{where}"
