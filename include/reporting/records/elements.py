"""What each element of a record may hold: type, length, range, characters and codes (rule V71).

The elements are defined once, in layout.yml. Two things follow from them: the predicate of V71,
which names the elements that fail, and the functions that leave out a person's invalid optional
values.
"""

import re
from functools import lru_cache
from typing import Any

import duckdb
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from reporting.core.config_files import read_yaml
from reporting.core.seeds import seed_values, sql_list
from reporting.records.lines import LAYOUT, layouts

FIRST_DATE, LAST_DATE = "1901-01-01", "2099-12-31"
FORM = re.compile(r"(AN|ANC|ANY|N|EMAIL|Int)(\.\.)?([0-9]+)|Date|Month")
CHARACTERS = {"AN": "[A-Za-z0-9]", "N": "[0-9]", "EMAIL": "[!-~]"}
# Control, format (zero-width) and private-use characters, variation selectors, line separators,
# U+FFFD (which replaces a lost character) and the two beside it, which XML cannot hold; and white
# space at either end.
UNFIT = (
    r"[\p{Cc}\p{Cf}\p{Co}\x{FFFD}-\x{FFFF}\x{2028}\x{2029}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]"
    r"|^[\s\p{Z}]|[\s\p{Z}]$"
)
# In a name: signs that stand for a lost character, fillers that no one sees, entities of HTML, and
# what is left of Chinese text in another encoding: by its well-known characters, as Latin letters
# of GBK (four or more with accents in a row) or as Latin letters and signs of UTF-8.
LOST = "|".join(
    (
        r"[?\x{FF1F}\x{25A0}\x{25A1}\x{3013}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]",
        "&(#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z]+);",
        "锟斤拷|烫烫烫|屯屯屯",
        r"[\x{A1}-\x{FF}]{4}",
        r"[\x{E3}-\x{E9}][\x{80}-\x{BF}\x{152}-\x{192}\x{2C6}\x{2DC}\x{2013}-\x{203A}\x{20AC}\x{2122}]{2}",
    )
)
# What systems and people write for a value that is not there, in any case and width.
NO_VALUE = (
    *("none", "null", "(null)", "<null>", "nan", "n/a", "nil", "undefined"),
    *("#n/a", "#ref!", "#name?", "#value!", "#null!", "无", "未知", "不详"),
)
NO_NUMBER = (*NO_VALUE, "na")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Element:
    """One element of the bureau's records; the fields are explained in layout.yml."""

    type: str
    name: bool = False
    number: bool = False
    codes: str | None = None
    optional: bool = False
    least: int | None = None

    def holds(self, value: str) -> str:
        """The SQL condition under which a value may be sent; a missing value may."""
        form = FORM.fullmatch(self.type)
        if form is None:
            raise ValueError(f"{LAYOUT}: {self.type} is no type of an element")
        kind, is_up_to, length = form[1] or self.type, form[2], int(form[3] or 0)
        text = f"cast({value} as varchar)"
        conditions = []
        if kind == "Date":
            conditions.append(f"{value} between date '{FIRST_DATE}' and date '{LAST_DATE}'")
        elif kind == "Month":
            conditions.append(f"{text} between '{FIRST_DATE[:7]}' and '{LAST_DATE[:7]}'")
        elif kind == "Int":
            conditions.append(f"abs({value}) < 1{'0' * length}")
            if self.least is not None:
                conditions.append(f"{value} >= {self.least}")
        else:  # the length apart: a pattern that counts is slow
            conditions.append(f"length({text}) between {0 if is_up_to else length} and {length}")
            conditions.append(
                f"regexp_full_match({text}, '{CHARACTERS[kind]}*')"
                if kind in CHARACTERS
                else f"not regexp_matches({text}, '{UNFIT}')"
            )
        if kind == "ANC":
            conditions.append(f"not {_is_one_of(text, NO_VALUE)}")
        if self.name:
            conditions.append(f"not regexp_matches({text}, '{LOST}')")
            conditions.append(rf"regexp_matches({text}, '^$|\p{{L}}')")
        if self.number:
            conditions.append(f"not regexp_full_match({text}, '0+')")
            conditions.append(f"not {_is_one_of(text, NO_NUMBER)}")
        if self.codes:
            column = "code"
            conditions.append(f"{text} in {sql_list(seed_values(self.codes, column))}")
        return f"coalesce({' and '.join(conditions)}, {value} is null)"


def _is_one_of(text: str, words: tuple[str, ...]) -> str:
    """The SQL condition under which a text is one of some words, in any case and width."""
    width = ord("\uff01") - ord("!")  # from a sign of ASCII to the one of full width
    signs = {sign: f"[{sign}{chr(ord(sign) + width)}]" for sign in map(chr, range(33, 127))}
    pattern = "|".join("".join(signs.get(sign, sign) for sign in word) for word in words)
    return f"regexp_full_match({text}, '(?i)({pattern})')"


@lru_cache
def elements() -> dict[str, Element]:
    """Every element by its tag."""
    return TypeAdapter(dict[str, Element]).validate_python(read_yaml(LAYOUT)["elements"])


def with_faulty_elements(record_type: str, relation: str) -> str:
    """SQL: records with ``faulty_elements``, the sorted tags of values that fail (VARCHAR[])."""
    cases = ", ".join(
        f"case when {sent} and not {elements()[tag].holds(column)} then '{tag}' end"
        for tag, column, sent in dict.fromkeys(filled_elements(record_type))
    )
    faulty = f"list_sort(list_distinct(list_filter([{cases}], lambda tag: tag is not null)))"
    return f"(select *, {faulty} as faulty_elements from {relation})"


def filled_elements(record_type: str) -> list[tuple[str, str, str]]:
    """Tag, column and condition (SQL) of each element of a record that is filled from a column."""
    return _filled(layouts()[record_type].segments)


def _filled(parts: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    found = []
    for part in parts:
        sent = f"({part['when']})" if "when" in part else "true"
        for field in part["fields"]:
            tag, column = next((tag, column) for tag, column in field.items() if tag != "when")
            if column and re.fullmatch("[a-z_][a-z0-9_]*", column):
                found.append((tag, column, sent))
        found += _filled(part.get("items", []))
    return found


def create_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Give the record models ``secure.sendable_<tag>(value)``: the value, null where it fails."""
    for tag, element in elements().items():
        if element.optional:
            connection.execute(
                f"create or replace macro secure.sendable_{tag.lower()}(given) as "
                f"case when {element.holds('given')} then given end"
            )
