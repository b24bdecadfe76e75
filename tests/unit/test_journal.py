"""The journal's columns stand in several places; they are the same everywhere."""

import re

import yaml

from reporting.core.settings import DBT_PROJECT
from reporting.records.earlier_months import ACCOUNTS_KNOWN, SUBMISSION_RECORDS
from reporting.records.lines import FACTS

JOURNAL = DBT_PROJECT / "models" / "journal" / "journal.yml"


def contract(model: str) -> dict[str, str]:
    models = yaml.safe_load(JOURNAL.read_text(encoding="utf-8"))["models"]
    columns = next(one["columns"] for one in models if one["name"] == model)
    types = {column["name"]: column["data_type"] for column in columns}
    return {name: "varchar" if kind == "string" else kind for name, kind in types.items()}


def typed(columns: str) -> dict[str, str]:
    """Columns as in ``create table``."""
    found = re.findall(r"(\w+) (decimal\(18, 2\)|\w+)", columns)
    return {name: kind.replace(" ", "") for name, kind in found}


def test_later_months_read_the_columns_that_are_published() -> None:
    assert typed(SUBMISSION_RECORDS).items() <= contract("submission_records").items()
    known = contract("accounts_known")
    assert known.pop("report_month") == "date"
    assert typed(ACCOUNTS_KNOWN) == known


def test_every_fact_about_a_record_is_in_the_journal() -> None:
    columns = contract("submission_records")
    assert {name: kind.replace(" ", "") for name, kind in FACTS.items()}.items() <= columns.items()
