"""The seeds of the dbt project as Python reads them."""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from reporting.core.config_files import Code, Text, Whole, read_rows
from reporting.core.database import literal
from reporting.core.settings import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds"


def seed_path(seed: str) -> Path:
    """The file of a seed."""
    return SEEDS / f"{seed}.csv"


def seed_rows(seed: str) -> list[dict[str, str]]:
    """The rows of a seed as texts; ``monitoring.configuration`` validates them before a run."""
    with seed_path(seed).open(encoding="utf-8-sig", newline="") as file:  # as dbt reads them
        return list(csv.DictReader(file))


@lru_cache
def code_words(kind: str) -> dict[str, dict[str, str]]:
    """What the codes of a kind are called: their rows of the seed, with meaning and meaning_zh."""
    return {row["code"]: row for row in seed_rows("code_words") if row["kind"] == kind}


def seed_values(seed: str, *columns: str) -> list[str]:
    """The values of a seed's column; of several columns, joined by a slash."""
    return ["/".join(row[column] for column in columns) for row in seed_rows(seed)]


def sql_list(values: list[str]) -> str:
    """Texts as a SQL list, with quotes and braces escaped."""
    return (
        ("(" + ", ".join(literal(value) for value in values) + ")")
        .replace("{", "{{")
        .replace("}", "}}")
    )


@dataclass(frozen=True)
class Reason:
    """One reason code: its position in the order, its sentence, the words for a customer."""

    position: Whole
    reason_code: Code
    sentence: Text
    sentence_zh: Text
    to_customer: Text
    to_customer_zh: Text
    citation: Text


@lru_cache
def reasons() -> dict[str, Reason]:
    """Every reason by its code, in the order in which the rules are evaluated."""
    rows = read_rows(
        seed_path("reasons"), Reason, unique=[("position",), ("reason_code",)]
    ).values()
    return {row.reason_code: row for row in sorted(rows, key=lambda row: row.position)}


@dataclass(frozen=True)
class FeedbackCode:
    """A feedback code of the bureau, or its beginning: the longest one that fits counts."""

    code: Code
    about: Literal["file", "record"]
    meaning: Text
    meaning_zh: Text
    usual_cause: Text
    what_to_do: Text
    rule_id: Code | None
    only_other_content_helps: Literal["true", "false"]
    owner: Text


@lru_cache
def feedback_codes() -> dict[str, FeedbackCode]:
    """Every feedback code that is described, by code or beginning of one."""
    rows = read_rows(seed_path("feedback_codes"), FeedbackCode, unique=[("code",)]).values()
    return {row.code: row for row in rows}


def feedback_code(code: str) -> FeedbackCode | None:
    """The description of a code; None where no beginning of it is described."""
    fitting = [known for known in feedback_codes() if code.startswith(known)]
    return feedback_codes()[max(fitting, key=len)] if fitting else None
