"""Records as the lines that leave: XML from the record relations, and their journal."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from reporting.run import Run

LAYOUT = Path(__file__).with_name("layout.yml")

# What the journal keeps of a record for the rules about the past; null where a type has no such.
FACTS = {
    "account_type": "varchar",
    "opened_on": "date",
    "five_tier_assigned_on": "date",
    "identity_hash": "varchar",
    "agreement_id": "varchar",
    "credit_limit": "decimal(18, 2)",
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

    def xml(self) -> str:
        """The SQL expression of one record's line."""
        opening = "".join(f"<{tag}>" for tag in self.envelope)
        closing = "".join(f"</{tag}>" for tag in reversed(self.envelope))
        segments = [_segment_xml(segment) for segment in self.segments]
        return f"concat('{opening}', {', '.join(segments)}, '{closing}')"

    def fact(self, name: str) -> str:
        """The SQL expression of one fact that the journal keeps, null where the type has none."""
        return f"cast({self.facts.get(name, 'null')} as {FACTS[name]}) as {name}"

    def segment_hashes(self) -> str:
        """The SQL expression of the JSON text of the segments that went out, with their hashes."""
        hashes = [
            f"'{segment['letter']}', "
            + _when(segment, f"{_hash_column(self.record_type, segment['letter'])}")
            for segment in self.segments
        ]
        return f"cast(json_object({', '.join(hashes)}) as varchar)"


@lru_cache
def layouts() -> dict[str, RecordLayout]:
    """Every record type, from layout.yml."""
    with LAYOUT.open(encoding="utf-8") as file:
        return {key: RecordLayout(key, **value) for key, value in yaml.safe_load(file).items()}


def _hash_column(record_type: str, letter: str) -> str:
    # the agreement's base segment is the customer's identity, which record 110 follows
    return "null" if (record_type, letter) == ("220", "B") else f"hash_{letter.lower()}"


def _when(part: dict[str, Any], expression: str) -> str:
    return f"case when {part['when']} then {expression} end" if "when" in part else expression


def _segment_xml(segment: dict[str, Any]) -> str:
    parts = [_field_xml(field) for field in segment["fields"]]
    parts += [_segment_xml(item) for item in segment.get("items", [])]
    return _when(
        segment, f"concat('<{segment['tag']}>', {', '.join(parts)}, '</{segment['tag']}>')"
    )


def _field_xml(field: dict[str, Any]) -> str:
    tag, column = next((key, value) for key, value in field.items() if key != "when")
    content = _escaped(column) if column else "''"
    return _when(field, f"concat('<{tag}>', {content}, '</{tag}>')")


def _escaped(column: str) -> str:
    text = f"cast({column} as varchar)"
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = f"replace({text}, '{character}', '{entity}')"
    # a line is a record: characters that would break it (or XML 1.0) become blanks
    return f"regexp_replace({text}, '[\\x00-\\x1F\\x7F\\x{{FFFE}}\\x{{FFFF}}]', ' ', 'g')"


def build_lines(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Fill ``secure.record_lines``: one row per record of the month, with its line as it leaves.

    A record that is withheld has a line too, for whoever repairs it, but no file.
    """
    serial = connection.execute(  # unique among the files of one day: months may share a cut-off
        "select 1 + count(*) from history.built_months where as_of::date = ?", [run.as_of.date()]
    ).fetchall()[0][0]
    selects = [
        f"""
        select
            judged.record_type,
            records.reporter_code,
            judged.subject_id,
            cast({layout.account} as varchar) as account_id,
            records.report_month,
            records.report_date,
            records.rpt_date_code as report_date_code,
            {layout.order_by} as sort_code,
            {layout.segment_hashes()} as segment_hashes,
            {layout.xml()} as line,
            judged.state,
            judged.rule_ids,
            {", ".join(layout.fact(name) for name in FACTS)},
            case when judged.state = 'BUILT' then records.reporter_code
                || '{run.as_of:%Y%m%d}{layout.record_type}0{serial:03d}0.txt' end
                as file_name
        from {layout.relation} as records
        inner join secure.judged_records as judged
            on judged.record_type = '{layout.record_type}'
            and judged.reporter_code = records.reporter_code
            and judged.subject_id = records.{layout.subject}
            and judged.report_date = records.report_date
        """
        for layout in layouts().values()
    ]
    connection.execute(
        "create or replace table secure.record_lines as " + " union all ".join(selects)
    )


def build_journal(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``marts.submission_records``: one row per record of the month (contracts, section 4).

    The hash of the line is keyed (HMAC-SHA256): all of a line but name and number is published, so
    that a plain hash could be tried out against every identity number.
    """
    connection.execute(
        f"""
        create or replace table marts.submission_records as
        select
            left(sha256(concat_ws('|', lines.record_type, lines.reporter_code, lines.subject_id,
                lines.report_month, lines.report_date)), 24) as record_id,
            lines.reporter_code,
            lines.record_type,
            lines.subject_id,
            lines.account_id,
            lines.report_month,
            lines.report_date,
            lines.report_date_code,
            lines.segment_hashes,
            sha256(hash_key.outer_pad || unhex(sha256(hash_key.inner_pad || encode(lines.line))))
                as content_sha256,
            status.repayment_status,
            status.overdue_total,
            lines.file_name,
            lines.state,
            nullif(array_to_string(lines.rule_ids, ', '), '') as rule_ids,
            cast(null as timestamp) as released_at,
            cast(null as varchar) as feedback_code,
            lines.{", lines.".join(FACTS)}
        from secure.record_lines as lines
        cross join secure.hash_key as hash_key
        left join marts.repayment_status as status
            on lines.account_id = status.account_id
            and date_trunc('month', lines.report_date) = status.report_month
        order by record_id
        """
    )


def build_from_journal(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the marts that follow from this run's journal: what is owed, what was sent so far."""
    for table in ("months_owed", "repair_queue", "repayment_history"):
        query = Path(__file__).with_name(f"{table}.sql").read_text(encoding="utf-8")
        connection.execute(f"create or replace table marts.{table} as {query}")
