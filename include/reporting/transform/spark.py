"""The models of a month on Spark: the same dbt project, where one machine is not enough.

DuckDB does the landing check, all other checks, the records and the files. The build store exports
the relations that the models read but do not build. Spark writes its tables as Parquet in the
month's working folder, and the build store has views of them for the later steps.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.database import literal
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.raw_contract import RawTable, raw_contract
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder
from reporting.landing.files import Feed, inspect
from reporting.landing.zone import LandingZone
from reporting.store.build_store import open_store
from reporting.transform.dbt import DbtFailed, dbt_arguments, dbt_build, dbt_logs
from reporting.transform.spark_session import FAILED

SESSION = "reporting.transform.spark_session"
SPARK_LOG = "spark.log"
ENDED_EARLY = f"Spark ended before the models were built, {SPARK_LOG} beside dbt's log says why"
TYPES = {"VARCHAR": "string", "BLOB": "binary", "TIMESTAMP": "timestamp_ntz"}

# What the models read beside the feeds (the seeds, and the other sources of sources.yml).
GIVEN = (
    *("seeds.%", "history.%", "brought_forward.%"),
    *("raw.product_policy", "secure.hash_key", "secure.failed_records"),
    "secure.resequenced_210",
)

# Characters of a path that Spark reads in place; it would escape others.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./=-]+")


def require_installed() -> None:
    """Raise BadCall if Spark cannot start; the message says what is missing."""
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        raise BadCall(
            "setting REPORTING_ENGINE=spark: PySpark and dbt-spark are not in this environment; "
            "run .venv-spark/bin/reporting, which `make .venv-spark/.installed` makes (or install "
            "requirements-spark.txt), or unset the variable"
        )
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise BadCall(
            "setting REPORTING_ENGINE=spark: there is no Java; install Java 17 or set JAVA_HOME"
        )


def build(run: Run, settings: Settings, *select: str) -> None:
    """Build models of the month on Spark and show their tables in the build store.

    DuckDB creates the views, over the tables that Spark wrote.
    """
    tables = build_tables(run, settings, *select)
    with open_store(run, settings, read_only=False) as store:
        _show_tables(store, tables)
        require_same_rows(store, run)
    dbt_build(run, settings, *select, exclude=("config.materialized:table",))


def build_tables(run: Run, settings: Settings, *select: str) -> Path:
    """Build the tables of models on Spark; the folder that holds them, a database for each schema.

    DuckDB loads the seeds, since dbt-spark writes an empty cell as the text None. Raises DbtFailed.
    """
    dbt_build(run, settings, "path:seeds")
    folder = private_folder(run.folder(settings) / "spark")
    for old in folder.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    plan = {
        "master": settings.spark_master,
        "warehouse": str(folder / "tables"),
        "relations": _relations(run, settings, folder),
    }
    path = folder / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    arguments = dbt_arguments(
        run,
        settings,
        *("build", "--target", "spark", "--exclude-resource-types", "unit_test", "seed"),
        *("--select", *select),
        target_folder="spark/dbt_target",
    )
    # nothing is written into the pipe: it ends with this process, even if that is killed
    listened, held = os.pipe()
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own arguments
            [sys.executable, "-m", SESSION, str(path), *arguments],
            stdin=listened,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(listened)
        os.close(held)
    if done.returncode:
        (dbt_logs(run, settings) / SPARK_LOG).write_text(done.stderr, encoding="utf-8")
        failed = re.search(rf"^{FAILED}(.*)$", done.stdout, re.MULTILINE)
        error = DbtFailed.of(run, settings, failed[1] if failed else ENDED_EARLY)
        error.may_be_damage = True  # Spark does not tell damage from other errors
        raise error
    return folder / "tables"


def _relations(run: Run, settings: Settings, folder: Path) -> dict[str, Any]:
    """Every relation that the models read but do not build: its Parquet files and columns."""
    zone = LandingZone.of(settings.landing)
    relations: dict[str, Any] = {}
    with open_store(run, settings) as store:
        found = store.execute("select file from carried_forward.untidy").fetchall()
        trimmed = {file.partition("/")[0] for (file,) in found}
        for table in raw_contract():
            feed, name = Feed(table, zone, store), f"raw.{table.name}"
            relations[name] = (
                _in_place(feed)
                if table.name not in trimmed and lies_as_the_contract_says(feed)
                else _exported(store, name, folder)
            )
        found = store.execute(
            "select concat(table_schema, '.', table_name) as name from information_schema.tables "
            f"where {' or '.join(f'name like {literal(one)}' for one in GIVEN)}"
        ).fetchall()
        relations |= {name: _exported(store, name, folder) for (name,) in found}
    return relations


def _in_place(feed: Feed) -> dict[str, Any]:
    """A feed that Spark reads in place; its column _file comes from the names of the files."""
    columns = {column.name: _spark_type(column.type) for column in feed.table.columns}
    return {
        "path": f"{feed.zone.prefix}{feed.table.name}",
        "root": feed.zone.prefix,
        "columns": columns | {"_unreadable_columns": "string"},
    }


def lies_as_the_contract_says(feed: Feed) -> bool:
    """Whether Spark may read a feed in place: local Parquet files of the contract's types."""
    paths = feed.zone.files(feed.table.name)
    return (
        feed.zone.is_local
        and bool(paths)
        and set(paths) == _seen_by_spark(feed)
        and all(path.endswith(".parquet") for path in paths)
        and all(PLAIN_PATH.fullmatch(feed.zone.prefix + path) for path in paths)
        and all(_is_typed(feed.table, inspect(feed, path).columns) for path in paths)
    )


def _seen_by_spark(feed: Feed) -> set[str]:
    """The files that Spark reads in a folder: none with a name that begins with ``_`` or a dot.

    Links to folders are left out here, so that a feed with one is not read in place.
    """
    root = Path(feed.zone.root)
    below = [path.relative_to(root) for path in (root / feed.table.name).rglob("*")]
    return {
        path.as_posix()
        for path in below
        if not any(part.startswith((".", "_")) for part in path.parts) and (root / path).is_file()
    }


def _is_typed(table: RawTable, delivered: tuple[tuple[str, str], ...]) -> bool:
    types = {name.lower(): type_ for name, type_ in delivered}
    return all(types.get(column.name, column.type) == column.type for column in table.columns)


def _exported(store: duckdb.DuckDBPyConnection, name: str, folder: Path) -> dict[str, Any]:
    """Export a relation of the build store as Parquet."""
    path = private_folder(folder / "given" / name)
    store.execute(f"copy {name} to {literal(f'{path}/data.parquet')} (format parquet)")
    columns = store.execute(f"describe {name}").fetchall()
    return {
        "path": str(path),
        "columns": {column: _spark_type(type_) for column, type_, *_ in columns},
    }


def _spark_type(type_: str) -> str:
    if type_.endswith("[]"):
        return f"array<{_spark_type(type_.removesuffix('[]'))}>"
    return TYPES.get(type_, type_.lower())


def _show_tables(store: duckdb.DuckDBPyConnection, tables: Path) -> None:
    """Create a view of every table that Spark wrote, with its schema and name."""
    for folder in sorted(tables.glob("*.db/*")):
        schema = folder.parent.name.removesuffix(".db")
        files = f"read_parquet({literal(f'{folder}/*.parquet')})"
        store.execute(f"create schema if not exists {schema}")
        store.execute(f"create or replace view {schema}.{folder.name} as from {files}")


def require_same_rows(store: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Refuse files that came after the landing check, since Spark lists the landing zone itself."""
    counted = dict(store.execute("select table_name, delivered from marts.feed_counts").fetchall())
    for table in raw_contract():
        landed = store.execute(f"select count(*) from raw.{table.name}").fetchall()[0][0]
        if counted[table.name] != landed:
            raise DataNotFit(
                f"month {run.label}, table {table.name}: {landed:,} rows were landed and "
                f"{counted[table.name]:,} are there now; run the month again"
            )
