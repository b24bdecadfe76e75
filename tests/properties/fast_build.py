"""A month's marts in a fraction of a second: dbt's own compiled SQL, run straight in DuckDB.

dbt takes seconds to start, whatever the size of the book. So each month and cut-off is landed and
built once by the product; after that, a book replaces the raw rows of an in-memory copy of that
store and every model runs again, in the order and the form that dbt recorded. What dbt and the
landing check made (seeds, history, keys, policy) is copied; of the models only the marts are named
here. A test holds that the marts are those of ``pipeline.build_marts``.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
from oracle.book import read_policy
from oracle.random_books import random_book, write
from oracle.raw_rows import RawBook
from oracle.staging import TABLES

from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.store.build_store import open_store
from reporting.transform.dbt import run_dbt

Row = dict[str, Any]
Rows = list[Row]

# name -> month, cut-off (None: the default), days that a notice must precede the cut-off
RUNS = {
    "march": ("2026-03", None, 0),
    "at_month_end": ("2026-02", "2026-03-01", 2),
    "late": ("2026-04", "2026-05-20T12:00:00", 0),
}
MARTS = ("repayment_status", "reportable_population", "feed_counts")
POSITIONS = "int_reconciled_ledger"  # step 1 of the reconciliation, a view that follows from them


@dataclass(frozen=True)
class Model:
    """One dbt model as compiled for a month."""

    schema: str
    name: str
    kind: str  # view or table
    sql: str
    typed_columns: str  # "name type, ..." under an enforced contract, else empty

    def build(self, store: duckdb.DuckDBPyConnection) -> None:
        """Create the model's view or table anew, as dbt does."""
        relation = f'"{self.schema}"."{self.name}"'
        if self.typed_columns:
            store.execute(f"create or replace table {relation} ({self.typed_columns})")
            store.execute(f"insert into {relation} by name {self.sql}")
        else:
            store.execute(f"create or replace {self.kind} {relation} as {self.sql}")


class FastBuild:
    """One month, cut-off and policy, compiled; builds the marts of any book of these."""

    def __init__(
        self, folder: Path, policy: Path, month: str, as_of: str | None, notice_lead_days: int
    ) -> None:
        landing = folder / "landing"
        self.settings = Settings(
            home=folder / "home",
            landing=str(landing),
            policy=policy,
            notice_lead_days=notice_lead_days,
        )
        self.run = Run.of(month, as_of, self.settings)
        self.policy = read_policy(policy)
        self.example = random_book(0, self.policy, accounts=120)
        write(self.example, landing)
        steps.land(self.run, self.settings)
        steps.build_marts(self.run, self.settings)
        run_dbt(self.run, self.settings, "compile", "--write-json")
        target = self.run.folder(self.settings) / "dbt_target"
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        self.models = list(_compiled_models(manifest, target))
        self._inputs = set(_inputs(manifest))
        self._scratch = folder / "rows.ndjson"
        self._store = self._copy_of_store()

    def _copy_of_store(self) -> duckdb.DuckDBPyConnection:
        """What the models read, in memory and under the store's own name; the feeds are empty."""
        file = self.run.build_store(self.settings)
        store = duckdb.connect()
        store.execute("set threads = 1")  # on small books a second thread costs more than it brings
        store.execute(f"attach ':memory:' as {file.stem}; attach '{file}' as built (read_only)")
        store.execute(f"use {file.stem}")
        found = store.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = 'built'"
        ).fetchall()
        for schema, name in self._inputs & set(found):  # some sources are made by later steps
            limit = "limit 0" if name in TABLES else ""
            relation = f'"{schema}"."{name}"'
            store.execute(f'create schema if not exists "{schema}"')
            store.execute(f"create table {relation} as from built.{relation} {limit}")
        for schema in {model.schema for model in self.models}:
            store.execute(f'create schema if not exists "{schema}"')
        store.execute("detach built")
        return store

    def marts(self, book: RawBook, sent: Collection[str] = ()) -> dict[str, Rows]:
        """The rows of the marts of the run's month, for the raw rows of a book.

        ``sent``: the accounts with a record that counts as sent by an earlier run.
        """
        for table, rows in book.tables.items():
            self._store.execute(f"truncate raw.{table}")
            if rows:
                self._insert(table, rows)
        self._store.execute("truncate history.submission_records")
        self._store.execute(
            "insert into history.submission_records by name select distinct '210' as record_type, "
            "'BUILT' as state, account_id, reporter_code, ?::date - 1 as report_date "
            "from raw.accounts where list_contains(?, account_id)",
            [self.run.month, sorted(sent)],
        )
        for model in self.models:
            model.build(self._store)
        return self._marts_in(self._store)

    def positions(self) -> Rows:
        """Step 1 of the reconciliation of the book whose marts were built last."""
        return _rows(self._store.execute(f"from marts.{POSITIONS}"))

    def real_marts(self) -> dict[str, Rows]:
        """The marts that the product built of the example book."""
        with open_store(self.run, self.settings) as store:
            return self._marts_in(store)

    def _insert(self, table: str, rows: Rows) -> None:
        lines = (json.dumps(row, default=_text, ensure_ascii=False) for row in rows)
        self._scratch.write_text("\n".join(lines), encoding="utf-8")
        # read as text and cast by the insert: the raw table has the types of the contract
        columns = ", ".join(f"{name}: 'VARCHAR'" for name in TABLES[table].columns)
        self._store.execute(
            f"insert into raw.{table} by name from read_json('{self._scratch}', "
            f"format = 'newline_delimited', columns = {{{columns}}})"
        )

    def _marts_in(self, store: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
        marts = {}
        for mart in MARTS:
            cursor = store.execute(
                f"from marts.{mart} where report_month = ? order by all", [self.run.month]
            )
            marts[mart] = _rows(cursor)
        return marts


def _rows(cursor: duckdb.DuckDBPyConnection) -> Rows:
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _text(value: object) -> str:
    if not isinstance(value, Decimal | date | datetime):
        raise TypeError(f"{value!r} is of no type of the raw contract")
    return str(value)


def _inputs(manifest: Row) -> Iterator[tuple[str, str]]:
    """Schema and name of every source and seed: what the models read that is no model."""
    for source in manifest["sources"].values():
        yield source["schema"], source["identifier"]
    for node in manifest["nodes"].values():
        if node["resource_type"] == "seed":
            yield node["schema"], node["alias"]


def _compiled_models(manifest: Row, target: Path) -> Iterator[Model]:
    """The marts and every model they stand on, each after those it reads."""
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    compiled = {result["unique_id"]: result["compiled_code"] for result in results}
    models = {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}
    wanted = [key for key, node in models.items() if node["name"] in (*MARTS, POSITIONS)]
    parents: dict[str, list[str]] = {}
    while wanted:
        key = wanted.pop()
        parents[key] = [parent for parent in models[key]["depends_on"]["nodes"] if parent in models]
        wanted += [parent for parent in parents[key] if parent not in parents]
    for key in TopologicalSorter(parents).static_order():
        node = models[key]
        if node["config"]["materialized"] == "ephemeral":
            continue  # already part of the SQL of its readers
        yield Model(
            schema=node["schema"],
            name=node["alias"],
            kind=_kind(node),
            sql=compiled[key],
            typed_columns=_contract(node),
        )


def _kind(node: Row) -> str:
    kind = str(node["config"]["materialized"])
    if kind not in ("view", "table"):
        raise NotImplementedError(f"{node['unique_id']} is materialized as {kind}")
    return kind


def _contract(node: Row) -> str:
    """Names and types of the columns where dbt enforces them, else nothing."""
    if not node["config"].get("contract", {}).get("enforced"):
        return ""
    return ", ".join(f'"{c["name"]}" {c["data_type"]}' for c in node["columns"].values())
