"""Control totals: the rows and amounts that the source states, and those landed, file by file.

A file that was cut off at the end of a line looks whole; only its writer knows its length.
``raw.delivered_files`` holds both sides; ``expectations/landing/delivered_files.py`` compares them.
"""

from collections.abc import Mapping
from datetime import datetime

import duckdb

from reporting.landing.walk import shown

NAMED = 5  # files named in warnings
# What amount_total sums, of the tables that have one amount that matters.
AMOUNTS = {
    "transactions": "amount",
    "bills": "coalesce(principal_due, 0) + coalesce(interest_due, 0) + coalesce(fee_due, 0)",
    "credit_limits": "credit_limit",
}

# A total names its file by its whole path, by the path below its table's folder, or by its name if
# no other file of the table has that name. Two newest totals that differ never match, nor does a
# total with an unreadable value. A total without recorded_at counts as the oldest.
COMPARED = """
create or replace table raw.delivered_files as
with totals as (
    select distinct
        table_name, file_name, amount_total,
        case when _unreadable_columns is null then row_count end as row_count,
        true as is_stated
    from raw.control_totals
    where coalesce(recorded_at <= $as_of, true)
    qualify rank() over (
        partition by table_name, file_name order by recorded_at desc nulls last
    ) = 1
),

names as (
    select
        table_name, file,
        substr(file, length(table_name) + 2) as below,
        parse_filename(file) as name,
        count(*) over (partition by table_name, name) = 1 as is_name_unique
    from landed_names
),

named as (
    select totals.*, names.file
    from totals
    left join names
        on totals.table_name = names.table_name
        and (
            totals.file_name in (names.file, names.below)
            or (names.is_name_unique and totals.file_name = names.name)
        )
)

select
    coalesce(names.table_name, named.table_name) as table_name,
    coalesce(
        names.file, nullif(concat_ws('/', named.table_name, named.file_name), ''), 'without a name'
    ) as file,
    names.file is not null as is_delivered,
    coalesce(named.is_stated, false) as has_total,
    coalesce(names.table_name in (select table_name from totals), false) as is_total_expected,
    case when names.file is not null then coalesce(landed_totals.row_count, 0) end as rows_landed,
    named.row_count as rows_stated,
    case when names.file is not null then coalesce(landed_totals.amount, 0) end as amount_landed,
    case when named.table_name in (select table_name from amounts) then named.amount_total end
        as amount_stated
from names
full join named on names.table_name = named.table_name and names.file = named.file
left join landed_totals on names.file = landed_totals.file
order by all
"""


def compare(
    connection: duckdb.DuckDBPyConnection,
    delivered: Mapping[str, Mapping[str, str]],
    as_of: datetime,
) -> list[str]:
    """Create ``raw.delivered_files``, and warn of stated amounts that cannot be compared.

    ``delivered``: the files of each landed table. Rows are counted only for tables with totals.
    """
    files = [(table, file) for table, paths in delivered.items() for file in paths]
    connection.execute("create temp table landed_names (table_name varchar, file varchar)")
    connection.execute(
        "insert into landed_names select unnest(?), unnest(?)",
        [[table for table, _ in files], [file for _, file in files]],
    )
    connection.execute("create temp table amounts as select unnest(?) as table_name", [[*AMOUNTS]])
    connection.execute(
        "create temp table landed_totals (file varchar, row_count bigint, amount decimal(38, 2))"
    )
    stated = connection.execute(
        "select table_name, count(amount_total) from raw.control_totals "
        "where table_name is not null and coalesce(recorded_at <= ?, true) "
        "group by all order by all",
        [as_of],
    ).fetchall()
    for table, amounts in stated:
        if table in delivered:
            amount = f"sum({AMOUNTS[table]})" if amounts and table in AMOUNTS else "null"
            connection.execute(
                f"insert into landed_totals select _file, count(*), {amount} from raw.{table} "
                "group by all"
            )
    connection.execute(COMPARED, {"as_of": as_of})
    return _differences(connection) + [
        f"table control_totals, column amount_total: is ignored for {table}, which has no amount "
        "to sum"
        for table, amounts in stated
        if amounts and table in delivered and table not in AMOUNTS
    ]


def _differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A warning for each of the first files that differ from their total.

    Whether they stop the month is decided by ``expectations/landing/delivered_files.py``.
    """
    found = connection.execute(
        "select file, is_delivered, rows_landed, rows_stated from raw.delivered_files "
        "where has_total and not coalesce(is_delivered and rows_landed = rows_stated "
        "and amount_landed = coalesce(amount_stated, amount_landed), false) "
        f"order by file limit {NAMED}"
    ).fetchall()
    return [
        f"table control_totals: file {shown(file)} "
        + (_difference(landed, stated) if is_delivered else "has a total and was not delivered")
        for file, is_delivered, landed, stated in found
    ]


def _difference(landed: int, stated: int | None) -> str:
    if stated is None:
        return f"has {landed:,} rows, its total gives no readable number of rows"
    amount = " and another amount" if landed == stated else ""
    return f"has {landed:,} rows, its total says {stated:,}{amount}"
