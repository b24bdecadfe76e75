"""The reasons of the population in words, from the seed that documents them."""

import csv
from dataclasses import dataclass
from functools import lru_cache

from reporting.settings import DBT_PROJECT


@dataclass(frozen=True)
class Reason:
    """One reason code: where it stands in the order, its sentence and its source."""

    position: int
    reason_code: str
    sentence: str
    citation: str


@lru_cache
def reasons() -> dict[str, Reason]:
    """Every reason by its code, in the order in which the rules are asked."""
    with (DBT_PROJECT / "seeds" / "reasons.csv").open(encoding="utf-8", newline="") as file:
        rows = [Reason(int(row.pop("position")), **row) for row in csv.DictReader(file)]
    return {row.reason_code: row for row in sorted(rows, key=lambda row: row.position)}
