"""Which records may leave: the bureau's rules asked of every record that was built.

The rules stand in ``expectations/bureau_rules.yml``; each relation is scanned once. A record that
breaks an E rule is ``WITHHELD`` and stays owed, every other one is ``BUILT``.
"""

import duckdb

from reporting.submission.records import layouts
from reporting.submission.rules import Record, hits, load_rules

HITS = "secure.rule_hits"
RECORDS: tuple[Record, ...] = ("110", "210", "220")


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the registry and the empty list of broken records where the record models find them."""
    connection.execute("create schema if not exists secure")
    connection.execute(
        "create or replace table secure.bureau_rules "
        "(rule_id varchar, severity varchar, sentence varchar, usual_cause varchar)"
    )
    connection.executemany(
        "insert into secure.bureau_rules values (?, ?, ?, ?)",
        [(rule.id, rule.severity, rule.sentence, rule.usual_cause) for rule in load_rules()],
    )
    connection.execute(
        "create or replace table secure.records_broken "
        "(record_type varchar, reporter_code varchar, subject_id varchar, report_date date)"
    )


def judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``secure.judged_records``: one row per record with its state and the rules it hits.

    First each record is judged on its own and against its past, then whether the records that it
    builds on leave too (an account's first record, its agreement, its person).
    """
    own = " union all ".join(
        hits(record, "record", f"secure.checked_{record}") for record in RECORDS
    )
    connection.execute(f"create or replace table {HITS} as {own}")
    connection.execute("delete from secure.records_broken")
    connection.execute(
        "insert into secure.records_broken "
        "select record_type, reporter_code, subject_id, report_date "
        f"from {HITS} where {_has_error('rule_ids')}"
    )
    connection.execute(f"insert into {HITS} {hits('210', 'batch', 'secure.batch_210')}")
    records = " union all ".join(
        f"select '{layout.record_type}' as record_type, reporter_code, "
        f"{layout.subject} as subject_id, report_date from {layout.relation}"
        for layout in layouts().values()
    )
    connection.execute(
        f"""
        create or replace table secure.judged_records as
        select
            records.*,
            coalesce(list_sort(flatten(list(hits.rule_ids))), []) as rule_ids,
            case when {_has_error("list_sort(flatten(list(hits.rule_ids)))")} then 'WITHHELD'
                else 'BUILT' end as state
        from ({records}) as records
        left join {HITS} as hits using (record_type, reporter_code, subject_id, report_date)
        group by all
        """
    )


def _has_error(rule_ids: str) -> str:
    errors = ", ".join(f"'{rule.id}'" for rule in load_rules() if rule.severity == "E")
    errors = errors or "'-'"
    return f"coalesce(list_has_any({rule_ids}, [{errors}]), false)"
