"""What a failed check endangers: its effect, and what its table reaches by dbt's lineage."""

import json
from functools import lru_cache
from typing import Any

import yaml

from reporting.core.settings import EXPECTATIONS

EFFECTS = EXPECTATIONS / "effects.yml"  # table -> sentence with {n}, in English and Chinese
ENDANGERED = EXPECTATIONS / "endangered.json"  # table -> what it reaches, from dbt's manifest
EVERYWHERE = ("Pages of the months", "Published database")  # where every mart leads
MOST_MARTS = 3


def endangers(table: str, rows_failing: int) -> str:
    """What ``rows_failing`` rows of a table endanger, in a sentence or two; empty if not known.

    ``table`` is that of a check, with its schema.
    """
    effect = effects().get(table, {}).get("en", "").format(n=f"{rows_failing:,}")
    reached = _reached().get(table, {})
    leaving = [one for one in reached.get("exposures", ()) if one not in EVERYWHERE]
    marts = reached.get("marts", [])
    named = [f"marts.{one}" for one in marts[:MOST_MARTS]]
    if len(marts) > len(named):
        named.append(f"{len(marts) - len(named)} more marts")
    words = ", ".join([*leaving, *named])
    return f"{effect} Reaches: {words}." if words else effect


@lru_cache
def effects() -> dict[str, dict[str, str]]:
    """The effect of failing rows by table and language; alerts are in English."""
    read: dict[str, dict[str, str]] = yaml.safe_load(EFFECTS.read_text(encoding="utf-8"))
    return read


@lru_cache
def _reached() -> dict[str, Any]:
    reached: dict[str, Any] = json.loads(ENDANGERED.read_text(encoding="utf-8"))
    return reached
