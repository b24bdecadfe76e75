"""The bureau's rules as a user of pandera would say them: a check per rule, in one schema.

Reads the records that benchmarks/peers.py puts aside, into Polars. The checks are made from the
registry's conditions, which Polars reads as SQL. pandera has a fast answer (which records stay,
`drop_invalid_rows`) and a full one (which record fails which rule).
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.errors import SchemaErrors


def is_kept(condition: str) -> Callable[[PolarsData], pl.LazyFrame]:
    """The check that is true where the condition of a rule's failure is not."""
    return lambda data: data.lazyframe.select(~pl.sql_expr(condition))


def fast(records: dict[str, pl.DataFrame], checks: list[pa.Check]) -> dict[str, Any]:
    """Drop the records that fail a rule."""
    schema, figures = pa.DataFrameSchema(checks=checks, drop_invalid_rows=True), {}
    for name, rows in records.items():
        started = time.perf_counter()
        kept = schema.validate(rows, lazy=True)
        figures[f"seconds_{name}"] = time.perf_counter() - started
        broken = rows.height - kept.height
    return figures | {"records": rows.height, "broken": broken}


def full(records: dict[str, pl.DataFrame], checks: list[pa.Check]) -> dict[str, Any]:
    """Name each record that fails a rule, with each rule that it fails."""
    rows, by_rule = records["with_hits"], {}
    started = time.perf_counter()
    try:
        pa.DataFrameSchema(checks=checks).validate(rows, lazy=True)
    except SchemaErrors as failed:
        by_rule = dict(failed.failure_cases.group_by("check").len().sort("check").iter_rows())
    seconds = time.perf_counter() - started
    return {"seconds_with_hits": seconds, "records": rows.height, "by_rule": by_rule}


ANSWERS = {"fast": fast, "full": full}


def main() -> None:
    """Measure one kind of answer and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("answer", choices=ANSWERS)
    parser.add_argument("aside", type=Path, help="the records and the rules")
    args = parser.parse_args()
    conditions = json.loads((args.aside / "rules.json").read_text(encoding="utf-8"))
    checks = [pa.Check(is_kept(sql), name=rule) for rule, sql in conditions.items()]
    read = {name for sql in conditions.values() for name in pl.sql_expr(sql).meta.root_names()}
    records = {
        name: pl.read_parquet(args.aside / f"{name}.parquet", columns=sorted(read))
        for name in ("without_hits", "with_hits")
    }
    print(json.dumps({"rules": len(checks), **ANSWERS[args.answer](records, checks)}))


if __name__ == "__main__":
    main()
