"""Records as lines of the submission files: XML from the record relations."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.config_files import read_yaml
from reporting.core.errors import DataNotFit
from reporting.core.run import Run

LAYOUT = Path(__file__).with_name("layout.yml")

# The header counts in seven digits; more records are split, each file with its own serial number.
MOST_RECORDS_A_FILE = 9_999_999
BETWEEN_PARTS = 50  # serials of a day that other months with this cut-off may take in between
LAST_SERIAL = 999

# A line is a record: characters that would break it (or XML 1.0) become blanks.
UNWRITABLE = r"\x00-\x1F\x7F\x{FFFE}\x{FFFF}"
CONSTANT = re.compile("'[^']*'")

# Segments whose values the journal keeps: what the bureau holds of accounts and limits. Identity
# marks and all of record 110 are kept as keyed hashes only (life cycle, section 6).
VALUES_KEPT = {"210": "CFHK", "220": "D"}

# What the journal keeps of a record for rules about the past; null where a type has no such fact.
FACTS = {
    "account_type": "varchar",
    "opened_on": "date",
    "five_tier_assigned_on": "date",
    "identity_hash": "varchar",
    "values_hash": "varchar",
    "agreement_id": "varchar",
    "credit_limit": "decimal(18, 2)",
    "customer_id": "varchar",
    "product_code": "varchar",
}


@dataclass(frozen=True)
class RecordLayout:
    """One record type of the layout file."""

    record_type: str
    relation: str
    envelope: list[str]
    template: str
    subject: str
    account: str
    order_by: str
    facts: dict[str, str]
    segments: list[dict[str, Any]]

    def line(self, texts: set[str]) -> str:
        """The SQL expression of one record's line; ``texts`` are the relation's text columns.

        Nearly all texts can be written as they are. So one look at all of a record's texts decides
        whether any of them is escaped, which costs less than a replacement in each.
        """
        mine = [column for column in self._columns() if column in texts]
        is_special = f"regexp_matches(concat_ws('', {', '.join(mine)}), '[&<>{UNWRITABLE}]')"
        return f"case when {is_special} then {self._xml(_escaped)} else {self._xml(str)} end"

    def _columns(self) -> list[str]:
        written = [_tag_and_column(f)[1] for one in self.segments for f in _fields_of(one)]
        return [column for column in dict.fromkeys(written) if column]

    def _xml(self, written: Callable[[str], str]) -> str:
        segments = [text for segment in self.segments for text in _segment(segment, written)]
        return _concat(_enclosed(self.envelope, segments))

    def fact(self, name: str) -> str:
        """The SQL expression of one fact that the journal keeps, null where the type has none."""
        return f"cast({self.facts.get(name, 'null')} as {FACTS[name]}) as {name}"

    def values(self) -> str:
        """The SQL expressions of the values that the journal keeps, null where none was written."""
        kept = [s for s in self.segments if s["letter"] in VALUES_KEPT.get(self.record_type, "")]
        written = {
            column: dict.fromkeys(part["when"] for part in (segment, item, field) if "when" in part)
            for segment in kept
            for item in (segment, *segment.get("items", []))
            for field in item["fields"]
            if (column := _tag_and_column(field)[1]) and column.isidentifier()
        }
        return "".join(
            f"case when {' and '.join(when) or 'true'} then records.{column} end as {column}, "
            for column, when in written.items()
        )

    def segment_hashes(self) -> str:
        """The SQL expression of a JSON text: the segments sent, each with its hash."""
        hashes = ", ',', ".join(self._hash(segment) for segment in self.segments)
        return f"concat('{{', {hashes}, '}}')"

    def _hash(self, segment: dict[str, Any]) -> str:
        letter = segment["letter"]
        absent = f"""'"{letter}":null'"""
        if (self.record_type, letter) == ("220", "B"):
            return absent  # the agreement's base is the customer's identity, which 110 follows
        column = f"hash_{letter.lower()}"
        applies = f" and ({segment['when']})" if "when" in segment else ""
        is_sent = f"{column} is not null{applies}"
        sent = f"""concat('"{letter}":"', {column}, '"')"""
        return f"case when {is_sent} then {sent} else {absent} end"


@lru_cache
def layouts() -> dict[str, RecordLayout]:
    """Every record type, from layout.yml."""
    entries = read_yaml(LAYOUT)
    return {key: RecordLayout(key, **entries[key]) for key in entries if key != "elements"}


def _tag_and_column(field: dict[str, Any]) -> tuple[str, str | None]:
    return next((tag, column) for tag, column in field.items() if tag != "when")


def _fields_of(segment: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a segment and of its items, in order."""
    return [*segment["fields"], *(f for item in segment.get("items", []) for f in item["fields"])]


def _segment(segment: dict[str, Any], written: Callable[[str], str]) -> list[str]:
    """The SQL texts that make up a segment, in order."""
    inner = [text for field in segment["fields"] for text in _field(field, written)]
    inner += [text for item in segment.get("items", []) for text in _segment(item, written)]
    return _where_it_applies(segment, _enclosed([segment["tag"]], inner))


def _field(field: dict[str, Any], written: Callable[[str], str]) -> list[str]:
    tag, column = _tag_and_column(field)
    return _where_it_applies(field, _enclosed([tag], [written(column)] if column else []))


def _enclosed(tags: list[str], inner: list[str]) -> list[str]:
    opening = "".join(f"<{tag}>" for tag in tags)
    closing = "".join(f"</{tag}>" for tag in reversed(tags))
    return [f"'{opening}'", *inner, f"'{closing}'"]


def _where_it_applies(part: dict[str, Any], texts: list[str]) -> list[str]:
    return [f"case when {part['when']} then {_concat(texts)} end"] if "when" in part else texts


def _concat(texts: list[str]) -> str:
    """The texts as one; neighbouring constants become one constant, since there are so many."""
    merged: list[str] = []
    for text in texts:
        if merged and CONSTANT.fullmatch(text) and CONSTANT.fullmatch(merged[-1]):
            merged[-1] = merged[-1][:-1] + text[1:]
        else:
            merged.append(text)
    return f"concat({', '.join(merged)})"


def _escaped(column: str) -> str:
    text = f"cast({column} as varchar)"
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = f"replace({text}, '{character}', '{entity}')"
    return f"regexp_replace({text}, '[{UNWRITABLE}]', ' ', 'g')"


def build_lines(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Create ``secure.record_lines``: one row per record of the month, with its line of the file.

    A withheld record has a line too, for the person who repairs it, but no file. It is a view,
    since to compute the lines twice, for files and journal, costs less than to store them. The
    journal models (dbt_project/models/journal) read it. Raises DataNotFit where the day's serial
    numbers do not suffice.
    """
    serial = connection.execute(  # unique among the files of one day: months may share a cut-off
        "select 1 + count(*) from history.runs where as_of::date = ?", [run.as_of.date()]
    ).fetchall()[0][0]
    parts = _parts(connection)
    most = max(parts.values(), default=1)
    if serial + (most - 1) * BETWEEN_PARTS > LAST_SERIAL or (most > 1 and serial > BETWEEN_PARTS):
        raise DataNotFit(
            f"month {run.label}: {most} files of one record type need more serial numbers than "
            f"three digits allow on {run.as_of:%Y-%m-%d}; report the accounts in smaller books"
        )
    selects = [
        f"""
        select
            validated.record_type,
            records.reporter_code,
            validated.subject_id,
            cast({layout.account} as varchar) as account_id,
            records.report_month,
            records.report_date,
            records.rpt_date_code as report_date_code,
            {layout.order_by} as sort_code,
            {layout.segment_hashes()} as segment_hashes,
            {layout.line(_texts(connection, layout))} as line,
            validated.state,
            validated.rule_ids,
            validated.faulty_elements,
            {layout.values()}
            {", ".join(layout.fact(name) for name in FACTS)},
            case when validated.state = 'BUILT' then records.reporter_code
                || '{run.as_of:%Y%m%d}{layout.record_type}0'
                || printf('%03d', {serial} + {BETWEEN_PARTS} * {_part(layout, parts)})
                || '0.txt' end as file_name
        from {layout.relation} as records
        inner join secure.validated_records as validated
            on validated.record_type = '{layout.record_type}'
            and validated.reporter_code = records.reporter_code
            and validated.subject_id = records.{layout.subject}
            and validated.report_date = records.report_date
        """
        for layout in layouts().values()
    ]
    connection.execute(
        "create or replace view secure.record_lines as " + " union all by name ".join(selects)
    )


def _parts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many files the largest institution needs for each record type."""
    counted = connection.execute(
        "select record_type, max(records) from (select record_type, count(*) as records "
        "from secure.validated_records where state = 'BUILT' group by record_type, reporter_code) "
        "group by record_type"
    ).fetchall()
    return {kind: -(-records // MOST_RECORDS_A_FILE) for kind, records in counted}


def _part(layout: RecordLayout, parts: dict[str, int]) -> str:
    """The SQL expression of the part of the file that holds a record, from 0 in file order."""
    if parts.get(layout.record_type, 1) == 1:
        return "0"
    return (
        f"((row_number() over (partition by records.reporter_code, validated.state "
        f"order by {layout.order_by}, records.report_date) - 1) // {MOST_RECORDS_A_FILE})"
    )


def _texts(connection: duckdb.DuckDBPyConnection, layout: RecordLayout) -> set[str]:
    """The text columns of a record relation: the only ones that can hold special characters."""
    rows = connection.execute(
        "select column_name from duckdb_columns() "
        "where schema_name || '.' || table_name = ? and data_type = 'VARCHAR'",
        [layout.relation],
    ).fetchall()
    return {column for (column,) in rows}
