"""The month's records for other tools, as files aside; the rules on them by ours and by theirs.

The files lie in the folder `peers` of the home: for `rules_pandera` and `rules_expectations` the
records 210 of the scenario `rules` with the rules' conditions, for `writer_lxml` the rows of each
submission file with the tags around them. To put them aside is not measured.
"""

import json
import time
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records.files import header
from reporting.records.lines import RecordLayout, layouts
from reporting.records.rules import SUBJECTS, Rule, hits, load_rules
from reporting.store.build_store import open_store

RECORDS = 1_000_000  # on which the rules are evaluated
ELEMENTS = "V71"  # the rule about every element: no condition of the row, but code of its own


def create_records(store: duckdb.DuckDBPyConnection) -> None:
    """Create a million records 210 of which none fails a rule, and the same with failures."""
    store.execute(
        f"""
        create temp table hit as {hits("210", "record", "secure.checked_210")};
        create temp table clean as
        select checked.* from secure.checked_210 as checked
        anti join hit on checked.account_id = hit.subject_id
            and checked.reporter_code = hit.reporter_code
            and checked.report_date = hit.report_date
        """
    )
    (kept,) = store.execute("select count(*) from clean").fetchall()[0]
    copies = -(-RECORDS // max(kept, 1))
    store.execute(
        f"""
        create temp table without_hits as
        select clean.* from clean cross join range({copies}) limit {RECORDS};
        create temp table with_hits as
        select * replace (
            case when rowid % 2 = 0 then -1 else acct_bal end as acct_bal,
            case when rowid % 6 = 0 then 'X' else rpy_status end as rpy_status
        ) from without_hits
        """
    )


def rules_same(run: Run, settings: Settings) -> dict[str, Any]:
    """Evaluate the rules that the other tools are given as the program does, on their records."""
    rules = _plain_rules()
    figures: dict[str, Any] = {"rules": len(rules), "records": RECORDS}
    with open_store(run, settings) as store:
        create_records(store)
        for name in ("without_hits", "with_hits"):
            started = time.perf_counter()
            store.execute(f"create or replace temp table found as {_found(rules, name)}")
            figures[f"seconds_{name}"] = time.perf_counter() - started
    return figures


def rules_aside(run: Run, settings: Settings) -> dict[str, Any]:
    """Put the records 210 and the rules' conditions aside; what our rules find in them."""
    aside, rules = _aside(settings), _plain_rules()
    conditions = {rule.id: rule.fails() for rule in rules}
    (aside / "rules.json").write_text(json.dumps(conditions), encoding="utf-8")
    with open_store(run, settings) as store:
        create_records(store)
        store.execute(f"attach '{aside}/records.duckdb' as records (read_write)")
        for name in ("without_hits", "with_hits"):
            store.execute(f"create table records.{name} as from {name}")
            store.execute(f"copy {name} to '{aside}/{name}.parquet'")
        store.execute(f"create temp table found as {_found(rules, 'with_hits')}")
        (broken,) = store.execute("select count(*) from found").fetchall()[0]
        counts = store.execute(
            "select rule, count(*) from (select unnest(rule_ids) as rule from found) "
            "group by all order by all"
        ).fetchall()
    return {"rules": len(rules), "records": RECORDS, "broken": broken, "by_rule": dict(counts)}


def _plain_rules() -> list[Rule]:
    """The rules of a record 210 that are a condition of its row alone."""
    return [
        rule
        for rule in load_rules()
        if rule.scope == "record"
        and (rule.record == "210" or rule.is_of_every("210"))
        and rule.id != ELEMENTS
    ]


def _found(rules: list[Rule], relation: str) -> str:
    """The SQL of the records that fail some of these rules, as `hits` writes it for all."""
    reporter, subject, report_date = SUBJECTS["210"]
    broken = ", ".join(f"case when {rule.fails()} then '{rule.id}' end" for rule in rules)
    any_broken = " or ".join(rule.fails() for rule in rules)
    return f"""
        select {reporter}, {subject}, {report_date},
            list_filter([{broken}], lambda id: id is not null) as rule_ids
        from {relation} where {any_broken}
    """


def rules_expectations(run: Run, settings: Settings) -> dict[str, Any]:
    """Each rule as a check of Great Expectations on the records put aside, in one suite.

    A check is Great Expectations' own for a condition in SQL, `UnexpectedRowsExpectation`: it
    counts the rows that fail and shows the first of them.
    """
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.core.unexpected_rows_expectation import (
        UnexpectedRowsExpectation,
    )

    from reporting.checks.gx import open_validation

    aside = settings.home / "peers"
    conditions = json.loads((aside / "rules.json").read_text(encoding="utf-8"))
    checks = [
        UnexpectedRowsExpectation(
            unexpected_rows_query=f"select * from {{batch}} where {condition}", meta={"rule": rule}
        )
        for rule, condition in conditions.items()
    ]
    figures: dict[str, Any] = {"rules": len(checks), "records": RECORDS}
    with open_validation(run, aside / "records.duckdb", "main") as validation:
        suite = ExpectationSuite("rules", checks)
        for name in ("without_hits", "with_hits"):
            asset = validation.source.add_table_asset(name)
            batch = asset.add_batch_definition_whole_table("all rows").get_batch()
            started = time.perf_counter()
            results = batch.validate(suite).results
            figures[f"seconds_{name}"] = time.perf_counter() - started
    failed: list[Any] = [one for one in results if not one.success]
    counts = {one.expectation_config.meta["rule"]: one.result["observed_value"] for one in failed}
    return figures | {"by_rule": counts}


def lines_aside(run: Run, settings: Settings) -> dict[str, Any]:
    """Put the rows of each submission file aside, in its order, with header, tags and columns."""
    aside, described = _aside(settings), []
    with open_store(run, settings) as store:
        files = store.execute(
            "select reporter_code, record_type, file_name, count(*) from secure.record_lines "
            "where file_name is not null group by all order by all"
        ).fetchall()
        for reporter, record_type, name, records in files:
            layout = layouts()[record_type]
            columns: dict[str, str] = {}
            segments = [_element(segment, columns) for segment in layout.segments]
            store.execute(_rows(layout, columns, name, aside / f"{name}.parquet"))
            described.append(
                {
                    "name": name,
                    "header": header(record_type, reporter, run, records),
                    "envelope": layout.envelope,
                    "segments": segments,
                }
            )
    (aside / "files.json").write_text(json.dumps(described), encoding="utf-8")
    return {"files": len(files), "records": sum(records for *_, records in files)}


def _rows(layout: RecordLayout, columns: dict[str, str], name: str, out: Path) -> str:
    """The SQL that writes the values of a file's records, and whether each part applies."""
    selected = ", ".join(f"{sql} as {column}" for sql, column in columns.items())
    return f"""
        copy (
            select {selected}
            from {layout.relation} as records inner join (
                select reporter_code, subject_id, report_date, sort_code from secure.record_lines
                where record_type = '{layout.record_type}' and file_name = '{name}'
            ) as sent
                on records.reporter_code = sent.reporter_code
                and records.{layout.subject} = sent.subject_id
                and records.report_date = sent.report_date
            order by sort_code, sent.report_date
        ) to '{out}' (format parquet)
    """


def _element(part: dict[str, Any], columns: dict[str, str]) -> list[Any]:
    """A segment or field: its tag, the column of its condition, its column or what is in it.

    `columns` collects the SQL of what is read, each under the name of its column.
    """

    def column(sql: str | None) -> str | None:
        return sql and columns.setdefault(
            f"records.{sql}" if sql.isidentifier() else sql, f"c{len(columns)}"
        )

    when = column(part.get("when"))
    if "fields" in part:
        inner = [_element(one, columns) for one in (*part["fields"], *part.get("items", []))]
        return [part["tag"], when, inner]
    tag, value = next((tag, value) for tag, value in part.items() if tag != "when")
    return [tag, when, column(value)]


def _aside(settings: Settings) -> Path:
    """The folder for the files, empty."""
    folder = settings.home / "peers"
    if folder.exists():
        for path in folder.iterdir():
            path.unlink()
    folder.mkdir(exist_ok=True)
    return folder
