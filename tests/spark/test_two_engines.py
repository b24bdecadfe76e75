"""Two engines, one meaning: what Spark builds must be what DuckDB builds, row by row.

The same book is run month by month in two homes, one per engine. Every mart, every record relation,
every published table and every file is compared. Needs PySpark, dbt-spark and Java:
`make test-spark`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from oracle.book import read_policy
from oracle.random_books import random_book, write, write_policy
from oracle.random_people import enrich_people
from rich.console import Console
from rich.table import Table

from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.pipeline import steps
from reporting.records.hash_key import KEY_BYTES
from reporting.store import published
from reporting.synthetic import lender
from reporting.transform.dbt import dbt_build

pytest.importorskip("pyspark", reason="Spark has an environment of its own: make test-spark")
pytest.importorskip("dbt.adapters.spark", reason="as above")

RECORDS = {"record_110", "composed_210", "record_220"}
MARTS = {path.stem for path in (DBT_PROJECT / "models" / "marts").glob("*.sql")}
WITH_WALL_CLOCK = {"data_quality_results"}  # evaluated_at (contracts, section 5)


@dataclass(frozen=True)
class Compared:
    """One relation or file on both engines."""

    name: str
    rows: int
    differences: int


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
    for settings in homes:  # the same key, so that the hashes are the same
        key = settings.home / "secure" / "hash.key"
        key.parent.mkdir(parents=True)
        key.write_bytes(bytes(range(KEY_BYTES)))
    found = [one for month in months for one in compared_month(month, homes, monkeypatch)]
    show(found)
    assert not [one for one in found if one.differences]
    assert {f"{month} files" for month in months} <= {one.name for one in found if one.rows}
    for name in RECORDS:
        assert sum(one.rows for one in found if one.name.endswith(name)) > 0, name


def compared_month(
    month: str, homes: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Compared]:
    """Run a month on both engines and compare all that came of it."""
    on_duckdb, on_spark = homes
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

    tables = run.folder(on_spark) / "spark" / "tables"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{run.build_store(on_duckdb)}' as store (read_only)")
        for name in sorted(MARTS):
            expected, built = (
                f"store.marts.{name}",
                parquet(tables / "marts.db" / name / "*.parquet"),
            )
            yield compared(connection, f"{month} marts.{name}", expected, built)
        for name in sorted(RECORDS):
            expected = parquet(Path(f"{kept}_{name}.parquet"))
            built = parquet(tables / "secure.db" / name / "*.parquet")
            yield compared(connection, f"{month} {name}", expected, built)
        for name in sorted(set(published.OF_OWN_RUNS) - WITH_WALL_CLOCK):
            files = [published.partition(one, name, run.month) / run.part for one in homes]
            yield compared(connection, f"{month} published {name}", *map(parquet, files))
    yield compared_files(month, *homes)


def parquet(files: Path) -> str:
    return f"read_parquet('{files}', hive_partitioning = false)"


def compared(
    connection: duckdb.DuckDBPyConnection, name: str, expected: str, built: str
) -> Compared:
    """Count the rows that only one engine has; columns and their types must be the same."""
    described = [
        connection.execute(f"select column_name, column_type from (describe from {one})").fetchall()
        for one in (expected, built)
    ]
    assert described[0] == described[1], name
    rows, missing, more = connection.execute(
        f"select (select count(*) from {expected}), "
        f"(select count(*) from (from {expected} except all from {built})), "
        f"(select count(*) from (from {built} except all from {expected}))"
    ).fetchall()[0]
    return Compared(name, rows, missing + more)


def compared_files(month: str, on_duckdb: Settings, on_spark: Settings) -> Compared:
    """Compare submission files, manifests and notices, byte for byte."""
    contents = [
        {
            path.relative_to(settings.home): path.read_bytes()
            for folder in (settings.submissions, settings.notices)
            for path in folder.rglob("*")
            if path.is_file() and month in path.parts
        }
        for settings in (on_duckdb, on_spark)
    ]
    paths = contents[0].keys() | contents[1].keys()
    differing = [path for path in paths if contents[0].get(path) != contents[1].get(path)]
    return Compared(f"{month} files", len(contents[0]), len(differing))


def show(found: list[Compared]) -> None:
    """Print what was compared."""
    table = Table("relation", "rows", "differences", box=None)
    for one in found:
        table.add_row(one.name, f"{one.rows:,}", f"{one.differences:,}")
    Console(width=100).print(table)
