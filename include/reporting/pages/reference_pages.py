"""The pages that are the same in every month: the bureau's rules, the check guide, the dictionary.

The texts of rules and guide stand in ``expectations/``, in both languages; those of the dictionary
beside the dbt models, in English.
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import duckdb

from reporting.checks import guide
from reporting.core.config_files import read_yaml
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.pages import words
from reporting.pages.site import Phrase, Words, known_or, write_page
from reporting.records.rules import RECORD_NAMES, Rule, load_rules

FEEDS = DBT_PROJECT / "models" / "staging" / "sources.yml"


def write_reference(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write the three pages; the dictionary is that of the published database."""
    tables = _published(connection)

    def of_tables(_: Phrase) -> Mapping[str, Any]:
        return {"tables": tables, "feeds": _feeds()}

    pages = {"rules": _rules, "guide": _guide, "dictionary": of_tables}
    for name, contents in pages.items():
        write_page(settings, settings.pages / name / "index.html", f"{name}.html", contents)


def _rules(_: Phrase) -> Mapping[str, Any]:
    return {
        "groups": [
            (record, [_rule(rule) for rule in load_rules() if rule.record == record])
            for record in RECORD_NAMES
        ]
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return asdict(rule) | {
        "sentence": words.rule(rule),
        "why": Words(rule.why, rule.why_zh),
        "usual_cause": Words(rule.usual_cause, rule.usual_cause_zh),
    }


def _guide(phrase: Phrase) -> Mapping[str, Any]:
    owners = dict.fromkeys(entry.owner for entry in guide.load())
    return {
        "groups": [
            (
                known_or(phrase, "owner", owner),
                [words.entry(e) for e in guide.load() if e.owner == owner],
            )
            for owner in owners
        ]
    }


def _published(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every published table with its columns."""
    tables: dict[str, dict[str, Any]] = {}
    for name, described, column, form, meaning in connection.execute(
        "select table_name, table_description, column_name, data_type, description "
        "from marts.data_dictionary order by table_name, position"
    ).fetchall():
        first = {"name": name, "description": described or "", "columns": []}
        table = tables.setdefault(name, first)
        table["columns"].append({"name": column, "data_type": form, "description": meaning or ""})
    return list(tables.values())


@lru_cache
def _feeds() -> list[dict[str, Any]]:
    """The feeds as the dbt project describes them."""
    read = read_yaml(FEEDS)
    (raw,) = (source for source in read["sources"] if source["name"] == "raw")
    return sorted(raw["tables"], key=lambda table: str(table["name"]))
