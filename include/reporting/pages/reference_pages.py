"""The pages that are the same in every month: the bureau's rules, the check guide, the dictionary.

Their texts stand in ``expectations/`` and beside the dbt models, in English; only the frame of a
page is in two languages.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from reporting.checks import guide
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.pages.site import Phrase, known_or, write_page
from reporting.records.rules import RECORD_NAMES, load_rules
from reporting.store.published import TABLES


def write_reference(settings: Settings) -> None:
    """Write the three pages."""
    for name, contents in (("rules", _rules), ("guide", _guide), ("dictionary", _dictionary)):
        write_page(settings, settings.pages / name / "index.html", f"{name}.html", contents)


def _rules(_: Phrase) -> Mapping[str, Any]:
    rules = load_rules()
    return {
        "groups": [
            (words, [rule for rule in rules if rule.record == record])
            for record, words in RECORD_NAMES.items()
        ]
    }


def _guide(phrase: Phrase) -> Mapping[str, Any]:
    owners = dict.fromkeys(entry.owner for entry in guide.load())
    return {
        "groups": [
            (known_or(phrase, "owner", owner), [e for e in guide.load() if e.owner == owner])
            for owner in owners
        ]
    }


def _dictionary(_: Phrase) -> Mapping[str, Any]:
    described = _described("models")
    feeds = [table for source in _described("sources").values() for table in source["tables"]]
    return {
        "tables": [described[name] for name in sorted(TABLES) if name in described],
        "feeds": sorted(feeds, key=lambda one: str(one["name"])),
    }


@lru_cache
def _described(kind: str) -> dict[str, Any]:
    """What the dbt project says of its models or sources, by name."""
    found: dict[str, Any] = {}
    for path in sorted((DBT_PROJECT / "models").rglob("*.yml")):
        read = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        found |= {
            one["name"]: one
            for one in read.get(kind, [])
            if kind == "models" or one["name"] == "raw"
        }
    return found
