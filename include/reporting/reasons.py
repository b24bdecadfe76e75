"""The reasons of the population in words, from the seed that documents them."""

from functools import lru_cache

from pydantic.dataclasses import dataclass

from reporting.config_files import Code, Text, Whole, read_rows
from reporting.seeds import seed_path


@dataclass(frozen=True)
class Reason:
    """One reason code: where it stands in the order, its sentence and its source."""

    position: Whole
    reason_code: Code
    sentence: Text
    citation: Text


@lru_cache
def reasons() -> dict[str, Reason]:
    """Every reason by its code, in the order in which the rules are evaluated."""
    rows = read_rows(
        seed_path("reasons"), Reason, unique=[("position",), ("reason_code",)]
    ).values()
    return {row.reason_code: row for row in sorted(rows, key=lambda row: row.position)}
