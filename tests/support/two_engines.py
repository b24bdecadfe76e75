"""The same month in two homes, one built on DuckDB and one on Spark, compared row by row."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.records.hash_key import KEY_BYTES
from reporting.store import published

MARTS = {path.stem for path in (DBT_PROJECT / "models" / "marts").glob("*.sql")}
WITH_WALL_CLOCK = {"data_quality_results"}  # evaluated_at (contracts, section 5)


@dataclass(frozen=True)
class Compared:
    """One relation or file on both engines."""

    name: str
    rows: int
    differences: int


def give_same_key(*homes: Settings) -> None:
    """Write the same hash key into each home, so that the hashes are the same."""
    for settings in homes:
        key = settings.home / "secure" / "hash.key"
        key.parent.mkdir(parents=True)
        key.write_bytes(bytes(range(KEY_BYTES)))


def spark_tables(run: Run, on_spark: Settings) -> Path:
    """The folder in which Spark leaves the tables of a month."""
    return run.folder(on_spark) / "spark" / "tables"


def compared_month(run: Run, on_duckdb: Settings, on_spark: Settings) -> Iterator[Compared]:
    """Compare the marts, the published tables and the files of a month."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{run.build_store(on_duckdb)}' as store (read_only)")
        for name in sorted(MARTS):
            built = parquet(spark_tables(run, on_spark) / "marts.db" / name / "*.parquet")
            yield compared(connection, f"{run.label} marts.{name}", f"store.marts.{name}", built)
        for name in sorted(set(published.OF_OWN_RUNS) - WITH_WALL_CLOCK):
            files = [
                published.partition(one, name, run.month) / run.part
                for one in (on_duckdb, on_spark)
            ]
            yield compared(connection, f"{run.label} published {name}", *map(parquet, files))
    yield compared_files(run.label, on_duckdb, on_spark)


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


def require_same(found: list[Compared]) -> None:
    """Print what was compared; nothing may differ, and there must be files."""
    table = Table("relation", "rows", "differences", box=None)
    for one in found:
        table.add_row(one.name, f"{one.rows:,}", f"{one.differences:,}")
    Console(width=100).print(table)
    assert not [one for one in found if one.differences]
    files = [one.rows for one in found if one.name.endswith(" files")]
    assert files
    assert all(files)
