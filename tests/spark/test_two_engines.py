"""Two engines, one meaning: what Spark builds must be what DuckDB builds, row by row.

The same book is run month by month in two homes, one per engine. Every mart, every record relation,
every published table and every file is compared. Needs PySpark, dbt-spark and Java:
`make test-spark`.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from oracle.book import read_policy
from oracle.random_books import random_book, write, write_policy
from oracle.random_people import enrich_people
from support.two_engines import (
    Compared,
    compared,
    compared_month,
    give_same_key,
    parquet,
    require_same,
    spark_tables,
)

from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.pipeline import steps
from reporting.synthetic import lender
from reporting.transform.dbt import dbt_build

pytest.importorskip("pyspark", reason="Spark has an environment of its own: make test-spark")
pytest.importorskip("dbt.adapters.spark", reason="as above")

RECORDS = ("record_110", "composed_210", "record_220")


def synthetic_lender(landing: Path, _: Path) -> None:
    """Some hundreds of accounts as a lender delivers them, in Parquet that Spark reads in place."""
    lender.generate(landing, accounts=400, months=12, seed=7)


def nasty_book(landing: Path, policy: Path) -> None:
    """Every rule of every policy, disorder, texts that engines read differently, a CSV feed."""
    write_policy(DBT_PROJECT / "seeds" / "product_policy.csv", policy)
    book = random_book(213, read_policy(policy), accounts=250)
    enrich_people(book, 213, date(2025, 12, 1), date(2026, 5, 1))
    names = ["\u3000", "\u3000Li\u00a0", "\t", "O'Neill \\ & <Co>", "\u5f20\U00020bb7"]
    for row, name in zip(book.tables["customers"][::7], names, strict=False):
        row.update(name=name, employer_name=name, residence_address=name)
    for row, end in zip(book.tables["accounts"][::9], ["\n", "-", "\u00e9"], strict=False):
        book.tables["accounts"].append(row | {"account_id": row["account_id"] + end})
    write(book, landing, 213)
    for file in (landing / "consents").rglob("*.parquet"):
        duckdb.sql(f"from {parquet(file)}").write_csv(str(file.with_suffix(".csv")), header=True)
        file.unlink()


BOOKS = [
    pytest.param(synthetic_lender, ["2026-04", "2026-05"], id="lender"),
    pytest.param(nasty_book, ["2026-01", "2026-02"], id="nasty"),
]


@pytest.mark.parametrize(("make_book", "months"), BOOKS)
def test_spark_builds_what_duckdb_builds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_book: Callable[[Path, Path], None],
    months: list[str],
) -> None:
    policy = tmp_path / "policy.csv"
    make_book(tmp_path / "landing", policy)
    choices: dict[str, Any] = {"landing": str(tmp_path / "landing"), "notice_lead_days": 1}
    choices |= {"policy": policy} if policy.exists() else {}
    homes = [Settings(home=tmp_path / one, engine=one, **choices) for one in ("duckdb", "spark")]
    give_same_key(*homes)
    found = [one for month in months for one in built_and_compared(month, *homes, monkeypatch)]
    require_same(found)
    for name in RECORDS:
        assert sum(one.rows for one in found if one.name.endswith(name)) > 0, name


def built_and_compared(
    month: str, on_duckdb: Settings, on_spark: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Compared]:
    """Run a month on both engines and compare all that came of it, the records too."""
    run = Run.of(month, None, on_duckdb)
    kept = on_duckdb.home / f"records_{month}"
    for step in steps.STEPS:
        if step.__name__ == "build_records":  # as they are built, before the rules have judged them
            dbt_build(run, on_duckdb, steps.RECORDS)
            with duckdb.connect(str(run.build_store(on_duckdb)), read_only=True) as store:
                for name in RECORDS:
                    store.table(f"secure.{name}").write_parquet(f"{kept}_{name}.parquet")
        step(run, on_duckdb)
    with monkeypatch.context() as patch:  # Spark builds the records too, only to be compared
        patch.setattr(steps, "MODELS", (*steps.MODELS, steps.RECORDS))
        steps.run_month(run, on_spark)

    with duckdb.connect() as connection:
        for name in RECORDS:
            expected = parquet(Path(f"{kept}_{name}.parquet"))
            built = parquet(spark_tables(run, on_spark) / "secure.db" / name / "*.parquet")
            yield compared(connection, f"{month} {name}", expected, built)
    yield from compared_month(run, on_duckdb, on_spark)
