"""Ids that differ in form alone: the models and `why` compare them alike, whatever spoilt them."""

from types import SimpleNamespace

import duckdb
import jinja2
import pytest

from reporting.core.settings import DBT_PROJECT
from reporting.why.ids import without_form

SPELLINGS = [
    ("C1", "c1"),
    ("CW\u200b", "cw"),
    ("\ufeffCW", "cw"),
    ("\uff23\uff37", "cw"),
    ("C W", "cw"),
    ("C-W", "cw"),
    ("'CW", "cw"),
    ("CW.", "cw"),
    ("0090002", "90002"),
    ("0C1", "c1"),
    ("0", ""),
    ("", ""),
    ("C1\n", "c1"),
    ("\u00c41", "1"),
    ("\u212a1", "k1"),  # the sign of Kelvin, whose small letter is k
    ("900001.0", "900001"),
    ("900001.00", "900001"),
    ("\uff19\uff10\uff0e\uff10", "90"),
    ("9.00000000000006E+14", "900000000000006"),
    ("9.00008E5", "900008"),
    ("9E+5", "900000"),
    ("+800005", "800005"),
    ("800,004", "800004"),
    ("12E5", "12e5"),  # has neither point nor sign, so it may be an id
    ("1E+999", "1e999"),
    (None, None),
]


def of_macro(column: str) -> str:
    """The macro of the models, as DuckDB gets it."""

    def dispatch(name: str) -> object:
        return getattr(module, f"default__{name}")

    environment = jinja2.Environment(extensions=["jinja2.ext.do"])  # noqa: S701 - it is SQL
    environment.globals |= {
        "return": lambda value: value,
        "adapter": SimpleNamespace(dispatch=dispatch),
        "dbt": SimpleNamespace(type_string=lambda: "varchar"),
    }
    text = (DBT_PROJECT / "macros" / "engine" / "text.sql").read_text(encoding="utf-8")
    module = environment.from_string(text).module
    return " ".join(str(module.without_form(column)).split())  # type: ignore[attr-defined]


@pytest.mark.parametrize(("given", "expected"), SPELLINGS)
def test_the_models_and_why_read_an_id_alike(given: str | None, expected: str | None) -> None:
    for sql in (of_macro("given"), without_form("given")):
        found = duckdb.execute(f"select {sql} from (select ? as given)", [given]).fetchall()
        assert found == [(expected,)], sql
