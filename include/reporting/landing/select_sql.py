"""SQL by which DuckDB reads delivered files with the types of the raw contract.

Every delivered row appears. A CSV value that is not of its column's type becomes NULL, and the
column's name is put into ``_unreadable_columns``, so that staging can quarantine the row.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

import duckdb

from reporting.core.database import literal
from reporting.core.raw_contract import RawColumn, RawTable
from reporting.landing.files import DeliveredFile
from reporting.landing.white_space import tidied
from reporting.landing.zone import LandingZone

CSV_OPTIONS = """auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    nullstr = '', encoding = 'utf-8'"""
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
# What a value must look like before it is cast: DuckDB's casts round amounts and accept much more.
# A day alone as a time is its 00:00:00.
SHAPES = {
    "DATE": DAY,
    "TIMESTAMP": f"{DAY}([ T]{TIME})?",
    "BOOLEAN": "(?i)(true|false|t|f|1|0)",
    "INTEGER": "[+-]?[0-9]+([.]0+)?",
    "BIGINT": "[+-]?[0-9]+([.]0+)?",
    "DECIMAL": "[+-]?[0-9]+([.][0-9]{1,2}0*)?",
}


def typed_select(table: RawTable, files: Iterable[DeliveredFile], zone: LandingZone) -> str:
    """Every row of the files in contract order and type, ``_unreadable_columns`` and ``_file``."""
    layout = attrgetter("layout")
    by_layout = groupby(sorted(files, key=layout), layout)
    return "\nunion all\n".join(_select(table, list(alike), zone) for _, alike in by_layout)


def empty_select(table: RawTable) -> str:
    """The same columns without a row."""
    columns = [f"cast(null as {column.type}) as {column.name}" for column in table.columns]
    columns += ["cast(null as varchar) as _unreadable_columns", "cast(null as varchar) as _file"]
    return f"select {', '.join(columns)} where false"


def _select(table: RawTable, files: list[DeliveredFile], zone: LandingZone) -> str:
    first = files[0]
    columns = []
    for column in table.columns:
        value = _value(column, first)
        columns.append(value if value == column.name else f"{value} as {column.name}")
    columns.append(f"{_unreadable_columns(table, first)} as _unreadable_columns")
    columns.append(f"substr({source_column(first)}, {len(zone.prefix) + 1}) as _file")
    listed = ",\n    ".join(columns)
    return f"select\n    {listed}\nfrom {reader(table, files, zone)}"


def _value(column: RawColumn, file: DeliveredFile) -> str:
    if column.name not in file.usable:
        return f"cast(null as {column.type})"
    delivered = _delivered(column, file)
    if not file.is_csv:
        types = {name.lower(): type_ for name, type_ in file.columns}
        if types[column.name] == column.type:
            return delivered
        if types[column.name] == "TIMESTAMP_NS":  # its last digits are dropped, not rounded up
            return (
                f"case when isfinite({delivered}) then make_timestamp(epoch_us({delivered})) "
                f"else cast({delivered} as {column.type}) end"
            )
        return f"cast({delivered} as {column.type})"
    shape = SHAPES.get(column.type.partition("(")[0])
    if shape is None:
        return delivered
    is_shaped = f"regexp_full_match({delivered}, {literal(shape)})"
    return f"case when {is_shaped} then try_cast({delivered} as {column.type}) end"


def _delivered(column: RawColumn, file: DeliveredFile) -> str:
    return tidied(column.name) if column.name in file.untidy else column.name


def _unreadable_columns(table: RawTable, file: DeliveredFile) -> str:
    if not file.is_csv:
        return "cast(null as varchar)"
    cases = [
        f"case when {_delivered(column, file)} is not null and {_value(column, file)} is null "
        f"then '{column.name}' end"
        for column in table.columns
        if column.name in file.usable and column.type != "VARCHAR"
    ]
    return f"nullif(concat_ws(',', {', '.join(cases)}), '')"


def source_column(file: DeliveredFile) -> str:
    """The column in which ``reader`` names the file of a row; no column of the file itself."""
    taken = {name.lower() for name, _ in file.columns}
    name = "_delivered_in"
    while name in taken:
        name += "_"
    return name


def reader(table: RawTable, files: list[DeliveredFile], zone: LandingZone) -> str:
    """SQL: the rows of files of one layout as delivered, with the file of each row."""
    # the largest first: DuckDB guesses the rows of all files from the first one, and plans by that
    largest_first = sorted(files, key=attrgetter("size"), reverse=True)
    addresses = ", ".join(literal(zone.address(file.path)) for file in largest_first)
    options = f"hive_partitioning = false, filename = '{source_column(files[0])}'"
    if not files[0].is_csv:
        return f"read_parquet([{addresses}], {options})"
    # an unknown column keeps its place, not its name, which may be anything
    names = [
        name.lower() if name.lower() in table.column_names else f"_ignored_{place}"
        for place, (name, _) in enumerate(files[0].columns)
    ]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    options = f"{options}, {CSV_OPTIONS}, compression = '{files[0].compression}'"
    return f"read_csv([{addresses}], {options}, columns = {{{columns}}})"


def what_is_broken(file: DeliveredFile, error: duckdb.Error) -> str:
    """Why a file cannot be read, without DuckDB's text, which quotes the line itself."""
    if not file.is_csv:
        return "is damaged; deliver it again"
    message = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", message)
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    where = f"line {line[1]} " if line else ""
    if "not utf-8 encoded" in message:
        return f"{where}is not UTF-8; write the file in UTF-8"
    if fields:
        return f"{where}has {fields[2]} fields instead of {fields[1]}; correct the line"
    if "unterminated quote" in message:
        return f"{where}has a quote that is never closed; correct the line"
    return f"{where}is no well-formed CSV (one kind of line end, quotes doubled); write it again"
