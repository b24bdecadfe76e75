"""The month-end status of every account on Spark, by hand or by our models and dbt.

By hand it is straight Spark SQL (status_spark.sql) in a session as our models have it. Ours needs
the month landed in the home that the environment names (benchmarks/inside.py land).
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from reporting.core.raw_contract import RawTable, raw_contract
from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, load_settings
from reporting.transform.spark import TYPES, build_tables
from reporting.transform.spark_session import start_session

SQL = Path(__file__).with_suffix(".sql")
FEEDS = ("accounts", "bills", "credit_limits", "transactions")
SEEDS = ("product_policy", "five_tier_classes", "repayment_statuses")
# The newest version of each key: only keys that came more than once are compared.
NEWEST = """
create temporary view known_{feed} as
with known as (
    select * from raw_{feed} where recorded_at <= as_of() and {is_complete}
),

repeated as (
    select xxhash64({key}) as key_hash from known group by 1 having count(*) > 1
),

compared as (
    select
        *,
        max(recorded_at) over (partition by {key}) as newest_at,
        count(*) over (partition by {key}, recorded_at) as versions
    from (select distinct * from known left semi join repeated on xxhash64({key}) = key_hash)
)

select * from known left anti join repeated on xxhash64({key}) = key_hash
union all
select * except (newest_at, versions) from compared where recorded_at = newest_at and versions = 1
"""


def main() -> None:
    """Compute the status, write it as Parquet, and print the seconds that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("out", type=Path, help="a folder for the status")
    parser.add_argument("--month", default="2026-05")
    parser.add_argument("--by", choices=("hand", "models"), required=True)
    args = parser.parse_args()
    settings = load_settings()
    run = Run.of(args.month, None, settings)
    book, out = args.book.resolve(), args.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    if args.by == "models":
        tables = build_tables(run, settings, "+repayment_status")
        shutil.copytree(tables / "marts.db" / "repayment_status", out)
    else:
        with tempfile.TemporaryDirectory(dir=out.parent) as warehouse:
            session = start_session(settings.spark_master, warehouse)
            by_hand(session, book, run)
            session.table("status").write.parquet(f"file:{out}")
            session.stop()
    print(f"{time.perf_counter() - started:.1f} s")


def by_hand(session: Any, book: Path, run: Run) -> None:
    """The seeds, the feeds as views, and every statement of the SQL."""
    for seed in SEEDS:
        file = f"file:{DBT_PROJECT}/seeds/{seed}.csv"
        session.read.csv(file, header=True).createOrReplaceTempView(seed)
    for table in raw_contract():
        if table.name in FEEDS:
            feed = session.read.option("recursiveFileLookup", "true").schema(_schema(table))
            feed.parquet(f"file:{book}/{table.name}").createOrReplaceTempView(f"raw_{table.name}")
            is_complete = " and ".join(f"{column} is not null" for column in table.key)
            key = ", ".join(table.key)
            newest = NEWEST.format(feed=table.name, key=key, is_complete=is_complete)
            session.sql(_of_the_run(newest, run))
    for statement in SQL.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            session.sql(_of_the_run(statement, run))


def _of_the_run(statement: str, run: Run) -> str:
    """A statement with the days and cut-off of the run (no function of SQL may be exploded)."""
    for name, value in (
        ("month_start()", f"date '{run.month}'"),
        ("month_end()", f"date '{run.month_end}'"),
        ("as_of()", f"timestamp_ntz '{run.as_of}'"),
    ):
        statement = statement.replace(name, value)
    return statement


def _schema(table: RawTable) -> str:
    return ", ".join(f"`{one.name}` {TYPES.get(one.type, one.type)}" for one in table.columns)


if __name__ == "__main__":
    main()
