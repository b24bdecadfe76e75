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
