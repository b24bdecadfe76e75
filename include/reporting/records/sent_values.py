"""The values of a month's records, read back from the lines of its clear files.

A journal of an older version lacks the values that were sent. The lines have them, and layout.yml
says which tag fills which column (life cycle, section 13.5).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.database import literal
from reporting.core.errors import DataNotFit
from reporting.records.elements import elements
from reporting.records.hash_key import create_hash_key
from reporting.records.lines import VALUES_KEPT, layouts

CONTENT = "sha256(outer_pad || unhex(sha256(inner_pad || encode(line))))"  # as the journal's


def fill_values(journal: Path, files: Mapping[str, Path], key: bytes, target: Path) -> None:
    """Write a month's journal again with the values that its clear files hold.

    ``files`` are the clear files by name; records of others keep no value. A line is found by its
    keyed hash. Raises DataNotFit where a file does not hold exactly the records of the journal.
    """
    with _read(journal, files, key) as connection:
        known = set(connection.table("journal").columns)
        found = {column: sql for column, sql in _columns() if column not in known}
        values = "".join(f", {sql} as {column}" for column, sql in found.items())
        connection.execute(
            f"copy (select journal.*{values} from journal left join lines "
            "on journal.file_name = lines.file_name "
            "and journal.content_sha256 = lines.content_sha256 "
            "order by record_type, subject_id, report_date, reporter_code) "
            f"to {literal(target)} (format parquet, compression zstd)"
        )


def require_same_records(journal: Path, files: Mapping[str, Path], key: bytes) -> None:
    """Require that clear files hold exactly the records that a month's journal says of them."""
    with _read(journal, files, key):
        return


@contextmanager
def _read(
    journal: Path, files: Mapping[str, Path], key: bytes
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the tables ``journal`` and ``lines``, compared with each other."""
    with duckdb.connect() as connection:
        create_hash_key(connection, key)
        connection.execute(
            "create table journal as select * from read_parquet(?, hive_partitioning = false)",
            [str(journal)],
        )
        connection.execute(
            "create table lines (file_name varchar, line varchar, content_sha256 varchar)"
        )
        for name, path in files.items():
            connection.execute(
                f"insert into lines select ?, line, {CONTENT} from read_csv({literal(path)}, "
                "header = false, skip = 1, columns = {'line': 'varchar'}, auto_detect = false, "
                "delim = '\t', quote = '', escape = '', parallel = false) cross join "
                "secure.hash_key",
                [name],
            )
            _require_same_records(connection, name)
        yield connection


def _require_same_records(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    ((others,),) = connection.execute(
        "select count(*) from (select content_sha256 from lines where file_name = $name) as lines "
        "full join (select content_sha256 from journal where file_name = $name) as journal "
        "on lines.content_sha256 = journal.content_sha256 "
        "where lines.content_sha256 is null or journal.content_sha256 is null",
        {"name": name},
    ).fetchall()
    if others:
        raise DataNotFit(
            f"file {name} does not hold the records that were built ({others:,} differ); "
            "restore it from a backup"
        )


def _columns() -> Iterator[tuple[str, str]]:
    """Each column of the values that the journal keeps, and the SQL that reads it from a line."""
    found: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    for kind, layout in layouts().items():
        kept = [one for one in layout.segments if one["letter"] in VALUES_KEPT.get(kind, "")]
        for segment in kept:
            for tag, column, text in _values(segment, _inside(segment["tag"], "line")):
                found.setdefault(column, []).append(f"when '{kind}' then {text}")
                types[column] = _type(elements()[tag].type)
    for column, cases in found.items():
        text = f"case record_type {' '.join(cases)} end"
        yield column, f"cast(nullif({text}, '') as {types[column]})"


def _values(segment: dict[str, Any], text: str) -> Iterator[tuple[str, str, str]]:
    """Tag, column and SQL of each value of a segment; its items are told apart by a constant."""
    for field in segment["fields"]:
        tag, column = next((tag, column) for tag, column in field.items() if tag != "when")
        if column and column.isidentifier():
            yield tag, column, _unescaped(_inside(tag, text))
    for item in segment.get("items", []):
        ((first, constant), *_) = item["fields"][0].items()
        begin = f"<{first}>{constant.strip(chr(39))}</{first}>"
        yield from _values(item, _inside(item["tag"], text, begin))


def _inside(tag: str, text: str, begin: str = "") -> str:
    """The SQL of the text inside a tag, of the first such tag whose content begins so."""
    pattern = f"<{re.escape(tag)}>{re.escape(begin)}(.*?)</{re.escape(tag)}>"
    return f"regexp_extract({text}, {literal(pattern)}, 1)"


def _unescaped(text: str) -> str:
    for character, entity in (("<", "&lt;"), (">", "&gt;"), ("&", "&amp;")):
        text = f"replace({text}, '{entity}', '{character}')"
    return text


def _type(element: str) -> str:
    if element == "Date":
        return "date"
    return "bigint" if element.startswith("Int") else "varchar"
