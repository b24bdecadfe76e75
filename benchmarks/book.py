"""The large book: a synthetic lender's book made heavier and delivered as lenders deliver.

Each purchase becomes several whose amounts add up to it, so that the transactions grow without
changing a balance or a bill; every feed comes as one file per month of `recorded_at`. The same
arguments give the same book, and every row of the source is in it.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reporting.synthetic.lender import generate

MOST_PARTS = 26  # a part's letter ends its id

# A correction holds the same key as the row it corrects and is cut at the same places, so that each
# part finds its own. What a reversal names stays whole: the reversal names one row. The odd rows of
# the book have ids of another form and stay as they are.
SPLIT = """
with delivered as (
    select
        *,
        transaction_type = 'purchase'
        and transaction_id like 'T________P%'
        and transaction_id not in (select transaction_id from reversed) as is_split
    from ({delivered})
),

cut as (
    select
        *,
        (amount * 100)::bigint as cents,
        -- Each cut lies within three tenths of a part of the even one: no part is empty.
        list_transform(range({parts} + 1), lambda n: case
            when n in (0, {parts}) then 1000 * n
            else 1000 * n + (hash(transaction_id, n) % 600)::bigint - 300
        end) as cuts
    from delivered
)

select
    cut.* exclude (is_split, cents, cuts) replace (
        transaction_id || case when is_split then chr(65 + part::integer) else '' end
            as transaction_id,
        case
            when is_split then (
                (cents * cuts[part + 2] // {whole} - cents * cuts[part + 1] // {whole})
                / 100::decimal(3, 0)
            )::decimal(18, 2)
            else amount
        end as amount
    )
from cut cross join range({parts}) as parts (part)
where part = 0 or is_split
"""


def build(source: Path, target: Path, parts: int) -> dict[str, int]:
    """Write the heavier book of a lender's book; the rows of each feed."""
    if not 1 <= parts <= MOST_PARTS:
        raise SystemExit(f"--split {parts} is not between 1 and {MOST_PARTS}")
    with aside(target) as folder, duckdb.connect() as engine:
        engine.execute("set memory_limit = '6GB'")
        engine.execute(f"set temp_directory = '{folder / 'spill'}'")
        engine.execute(
            "create table reversed as select reverses_transaction_id as transaction_id "
            f"from '{source}/transactions/*.parquet' where reverses_transaction_id is not null"
        )
        feeds = sorted(folder for folder in source.iterdir() if folder.is_dir())
        rows = {feed.name: _deliver(engine, feed, folder / feed.name, parts) for feed in feeds}
        shutil.rmtree(folder / "spill", ignore_errors=True)
    return rows


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its place when whole, and is gone if it never is."""
    folder = target.with_name(f".{target.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _deliver(engine: duckdb.DuckDBPyConnection, feed: Path, target: Path, parts: int) -> int:
    """Write a feed as one file per month, month by month; its rows."""
    target.mkdir()
    every = f"""
        select *, date_trunc('month', recorded_at) as delivered_in
        from '{feed / feed.name}.parquet'
    """
    if (feed / "redelivery.parquet").exists():  # what is delivered again comes a month later
        every += f"""
        union all by name
        select *, date_trunc('month', recorded_at) + interval 1 month as delivered_in
        from '{feed}/redelivery.parquet'
        """
    months = engine.execute(f"select distinct delivered_in from ({every}) order by all").fetchall()
    if not months:  # nothing was delivered, in the same columns
        shutil.copy(feed / f"{feed.name}.parquet", target)
    described = engine.execute(f"describe from '{feed / feed.name}.parquet'").fetchall()
    subject = "account_id" if "account_id" in {row[0] for row in described} else "customer_id"
    splits = feed.name == "transactions" and parts > 1
    rows = 0
    for (month,) in months:
        query = f"select * exclude (delivered_in) from ({every}) where delivered_in = '{month}'"
        if splits:
            query = SPLIT.format(delivered=query, parts=parts, whole=1000 * parts)
        [(copied,)] = engine.execute(
            f"copy (from ({query}) order by {subject}, columns(*)) "
            f"to '{target}/{month:%Y-%m}.parquet' (format parquet, compression zstd)"
        ).fetchall()
        rows += copied
    return rows


def main() -> None:
    """Build the book that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--source", type=Path, help="a lender's book, else one is generated")
    parser.add_argument("--accounts", type=int, default=750_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--split", type=int, default=3, help="parts of each purchase")
    args = parser.parse_args()
    source = args.source or args.target.with_name(f".{args.target.name}-source")
    if args.source is None:
        generate(source, args.accounts, args.months, args.seed)
    for feed, rows in build(source, args.target, args.split).items():
        print(f"{feed:20}{rows:>15,}")
    if args.source is None:
        shutil.rmtree(source)


if __name__ == "__main__":
    main()
