"""Records as the lines that leave: XML from the record relations, and their journal."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from reporting.run import Run

LAYOUT = Path(__file__).with_name("layout.yml")


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
    segments: list[dict[str, Any]]

    def xml(self) -> str:
        """The SQL expression of one record's line."""
        opening = "".join(f"<{tag}>" for tag in self.envelope)
        closing = "".join(f"</{tag}>" for tag in reversed(self.envelope))
        segments = [_segment_xml(segment) for segment in self.segments]
        return f"concat('{opening}', {', '.join(segments)}, '{closing}')"

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
    fields = ", ".join(_field_xml(field) for field in segment["fields"])
    return _when(segment, f"concat('<{segment['tag']}>', {fields}, '</{segment['tag']}>')")


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
    """Fill ``secure.record_lines``: one row per record of the month, with its line as it leaves."""
    selects = [
        f"""
        select
            '{layout.record_type}' as record_type,
            reporter_code,
            {layout.subject} as subject_id,
            cast({layout.account} as varchar) as account_id,
            report_month,
            report_date,
            rpt_date_code as report_date_code,
            {layout.order_by} as sort_code,
            {layout.segment_hashes()} as segment_hashes,
            {layout.xml()} as line,
            reporter_code || '{run.as_of:%Y%m%d}{layout.record_type}' || '0' || '001' || '0.txt'
                as file_name
        from {layout.relation}
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
        """
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
            'BUILT' as state,
            cast(null as varchar) as rule_ids,
            cast(null as timestamp) as released_at,
            cast(null as varchar) as feedback_code
        from secure.record_lines as lines
        cross join secure.hash_key as hash_key
        left join marts.repayment_status as status
            on lines.account_id = status.account_id
        order by record_id
        """
    )
