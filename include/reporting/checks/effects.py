"""What a failed check endangers: its effect, and what its table reaches by dbt's lineage."""

import json
from functools import lru_cache
from typing import Any

from reporting.checks.results import CheckResult
from reporting.core.config_files import read_yaml
from reporting.core.settings import EXPECTATIONS

EFFECTS = EXPECTATIONS / "effects.yml"  # table -> sentence with {n}, in English and Chinese
ENDANGERED = EXPECTATIONS / "endangered.json"  # table -> what it reaches, from dbt's manifest
EVERYWHERE = ("Pages of the months", "Published database")  # where every mart leads
MOST_MARTS = 3


def endangers(check: CheckResult) -> str:
    """What a failed check endangers, in a sentence or two; empty if not known.

    The effect in words is that of counted rows; a check of a feed as a whole counts none.
    """
    effect = effects().get(check.table_name, {}).get("en", "") if check.rows_checked else ""
    reached = _reached().get(check.table_name, {})
    leaving = [one for one in reached.get("exposures", ()) if one not in EVERYWHERE]
    marts = reached.get("marts", [])
    named = [f"marts.{one}" for one in marts[:MOST_MARTS]]
    words = ", ".join([*leaving, *named])
    sentences = (effect.format(n=f"{check.rows_failing:,}"), f"Reaches: {words}." if words else "")
    return " ".join(filter(None, sentences))


@lru_cache
def effects() -> dict[str, dict[str, str]]:
    """The effect of failing rows by table and language; alerts are in English."""
    read: dict[str, dict[str, str]] = read_yaml(EFFECTS)
    return read


@lru_cache
def _reached() -> dict[str, Any]:
    reached: dict[str, Any] = json.loads(ENDANGERED.read_text(encoding="utf-8"))
    return reached
