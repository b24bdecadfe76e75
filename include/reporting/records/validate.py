"""Evaluate the bureau's rules on every record and decide which records are sent.

The rules stand in ``expectations/bureau_rules.yml``; each relation is scanned once. A record that
fails an E rule is ``WITHHELD`` and its month stays pending; every other record is ``BUILT``.
"""

import duckdb

from reporting.core.errors import BadCall
from reporting.records.elements import create_functions, with_faulty_elements
from reporting.records.lines import layouts
from reporting.records.rules import RECORDS, REGISTRY, Record, Rule, hits, load_rules

HITS = "secure.rule_hits"
# A condition that is misspelt, or names a column or a function that does not exist.
NOT_SQL = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
RESEQUENCED = "secure.resequenced_210"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that the record models read: the registry and an empty list of failures."""
    connection.execute("create schema if not exists secure")
    connection.execute(
        "create or replace table secure.bureau_rules "
        "(rule_id varchar, severity varchar, sentence varchar, usual_cause varchar)"
    )
    connection.executemany(
        "insert into secure.bureau_rules values (?, ?, ?, ?)",
        [(rule.id, rule.severity, rule.sentence, rule.usual_cause) for rule in load_rules()],
    )
    create_functions(connection)
    connection.execute(
        "create or replace table secure.failed_records "
        "(record_type varchar, reporter_code varchar, subject_id varchar, report_date date)"
    )
    connection.execute(
        f"create or replace table {RESEQUENCED} (account_id varchar, reporter_code varchar, "
        "report_date date, rpt_date_code varchar, seg_c boolean, seg_f boolean)"
    )


def judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``secure.validated_records``: one row per record with its state and the rules it fails.

    Each record is evaluated on its own and against its past, then together with the records that it
    depends on. When a record is withheld, code and segments of the account's next records are
    decided as if it did not exist, and they are evaluated again. This ends: a record depends on
    the earlier ones of its account alone, so each pass settles at least one more of them.

    Raises BadCall naming the rule whose SQL cannot be evaluated.
    """
    connection.execute(f"delete from secure.failed_records; delete from {RESEQUENCED}")
    try:
        _evaluate(connection)
    except NOT_SQL:
        _require_valid_rules(connection)  # one by one, to name the rule
        raise
    _state_of_each_record(connection)


def _evaluate(connection: duckdb.DuckDBPyConnection) -> None:
    """Evaluate all rules until no record is withheld anew and none takes another place."""
    moved = 0
    while True:
        own = " union all ".join(
            hits(record, "record", f"secure.checked_{record}") for record in RECORDS
        )
        connection.execute(f"create or replace table {HITS} as {own}")
        if (_withhold_failed(connection) or moved) and (moved := _resequence(connection)):
            continue
        connection.execute(f"insert into {HITS} {hits('210', 'batch', 'secure.batch_210')}")
        if not (_withhold_failed(connection) and (moved := _resequence(connection))):
            break


def _require_valid_rules(connection: duckdb.DuckDBPyConnection) -> None:
    for rule in load_rules():
        if rule.scope == "file":
            continue
        for record in RECORDS if rule.record == "every" else (rule.record,):
            _require_condition(connection, rule, record)


def _require_condition(connection: duckdb.DuckDBPyConnection, rule: Rule, record: Record) -> None:
    relation = f"secure.{'batch' if rule.scope == 'batch' else 'checked'}_{record}"
    if rule.scope == "record":
        relation = with_faulty_elements(record, relation)
    try:
        connection.execute(f"select 1 from {relation} where {rule.fails()} limit 0")
    except NOT_SQL:
        raise BadCall(
            f"bureau rules {REGISTRY}: rule {rule.id}, field hit: is no condition on "
            f"a record {record}; correct it"
        ) from None


def _withhold_failed(connection: duckdb.DuckDBPyConnection) -> int:
    """Add the records that fail an E rule to the withheld ones; returns how many are new."""
    found = connection.execute(
        f"""
        insert into secure.failed_records
        select record_type, reporter_code, subject_id, report_date
        from {HITS}
        where {_has_error("rule_ids")}
        except
        select * from secure.failed_records
        """
    ).fetchall()
    return int(found[0][0])


def _resequence(connection: duckdb.DuckDBPyConnection) -> int:
    """Re-sequence the records that follow a withheld one; returns how many changed.

    A changed record is no longer withheld: what it failed, it failed in another place.
    """
    changed = connection.execute(
        f"""
        create or replace temp table moved as
        select sequence.*
        from secure.sequence_210 as sequence
        inner join secure.record_210 as record using (account_id, reporter_code, report_date)
        where (record.rpt_date_code, record.seg_c, record.seg_f)
            is distinct from (sequence.rpt_date_code, sequence.seg_c, sequence.seg_f);
        delete from {RESEQUENCED}
        where (account_id, reporter_code, report_date) in (
            select (account_id, reporter_code, report_date) from moved
        );
        delete from secure.failed_records
        where record_type = '210' and (subject_id, reporter_code, report_date) in (
            select (account_id, reporter_code, report_date) from moved
        );
        insert into {RESEQUENCED} by name from moved
        """
    ).fetchall()
    return int(changed[0][0])


def _state_of_each_record(connection: duckdb.DuckDBPyConnection) -> None:
    records = " union all ".join(
        f"select '{layout.record_type}' as record_type, reporter_code, "
        f"{layout.subject} as subject_id, report_date from {layout.relation}"
        for layout in layouts().values()
    )
    rule_ids = "list_sort(flatten(list(hits.rule_ids)))"
    connection.execute(
        f"""
        create or replace table secure.validated_records as
        select
            records.*,
            coalesce({rule_ids}, []) as rule_ids,
            nullif(array_to_string(
                list_sort(flatten(list(hits.faulty_elements))), ', '
            ), '') as faulty_elements,
            case when {_has_error(rule_ids)} then 'WITHHELD' else 'BUILT' end as state
        from ({records}) as records
        left join {HITS} as hits using (record_type, reporter_code, subject_id, report_date)
        group by all
        """
    )
    # an agreement is not reported as ended while the closing record of its account is withheld
    connection.execute(
        """
        update secure.validated_records as agreement
        set state = 'WITHHELD', rule_ids = closing.rule_ids
        from secure.validated_records as closing, secure.record_220 as record
        where agreement.record_type = '220'
            and record.agreement_id = agreement.subject_id
            and record.reporter_code = agreement.reporter_code
            and record.report_date = agreement.report_date
            and record.con_status = '2'
            and closing.record_type = '210'
            and closing.subject_id = agreement.subject_id
            and closing.reporter_code = agreement.reporter_code
            and closing.report_date = agreement.report_date
            and closing.state = 'WITHHELD'
        """
    )


def _has_error(rule_ids: str) -> str:
    errors = ", ".join(f"'{rule.id}'" for rule in load_rules() if rule.severity == "E")
    return f"coalesce(list_has_any({rule_ids}, [{errors}]), false)"
