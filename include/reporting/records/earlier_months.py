"""What earlier months sent and left pending, as schema ``history`` of a month's build store.

A month reads only what the month before it left (docs/decisions/0012). All records ever sent are
read only for an account that was missing from the month before.
"""

from datetime import date
from pathlib import Path

import duckdb

from reporting.core.database import parquet_rows
from reporting.core.errors import DataNotFit
from reporting.core.run import Run, previous_month
from reporting.core.settings import Settings
from reporting.store.published import (
    PART,
    built_months,
    earlier_months,
    partition,
    published_files,
)
from reporting.store.submission_ledger import BureauFacts, bureau_facts

SUBMISSION_RECORDS = """
    record_id varchar, reporter_code varchar, record_type varchar, subject_id varchar,
    account_id varchar, report_month date, report_date date, report_date_code varchar,
    segment_hashes varchar, content_sha256 varchar, repayment_status varchar,
    overdue_total decimal(18, 2), file_name varchar, state varchar, rule_ids varchar,
    faulty_elements varchar, released_at timestamp, feedback_code varchar, account_type varchar,
    opened_on date, five_tier_assigned_on date, identity_hash varchar, values_hash varchar,
    agreement_id varchar, credit_limit decimal(18, 2), customer_id varchar, product_code varchar
"""

ACCOUNTS_KNOWN = """
    reporter_code varchar, account_id varchar, state varchar, built_in date, report_date date,
    last_report_date date, report_date_code varchar, repayment_status varchar,
    overdue_total decimal(18, 2), five_tier_assigned_on date, first_account_type varchar,
    last_account_type varchar, opened_on date, was_closed boolean, was_overdue boolean,
    hash_c varchar, hash_f varchar, customer_id varchar, product_code varchar
"""

STRINGS_BEFORE = {"account_id": "varchar", "history_60": "varchar"}
STATUS_BEFORE = {
    "account_id": "varchar",
    "repayment_status": "varchar",
    "balance": "decimal(18, 2)",
    "credit_balance": "decimal(18, 2)",
    "charges_unpaid": "decimal(18, 2)",
}
FIGURES_BEFORE = {
    "report_month": "date",
    "figure": "varchar",
    "scope": "varchar",
    "value": "double",
    "rows_counted": "bigint",
    "is_unusual": "boolean",
}
CHECKS_BEFORE = {"report_month": "date", "check_id": "varchar", "is_waived": "boolean"}
MONTHS_COMPARED = 6
OF_MONTH_BEFORE = ("months_owed", "accounts_known", "repayment_history", "repayment_status")
COMPARED = {"batch_figures": FIGURES_BEFORE, "data_quality_results": CHECKS_BEFORE}

# Of records 210, what the bureau knows of each account. Records of persons and agreements are few,
# since they are sent only on a change: they are read as they were sent.
RECORDS_KNOWN = """
    select
        '210' as record_type,
        account_id as subject_id,
        * exclude (built_in),
        built_in as report_month
    from history.accounts_known
    union all by name
    select
        record_type, reporter_code, subject_id, state, report_month,
        report_date, report_date as last_report_date, report_date_code,
        identity_hash, values_hash, credit_limit, segment_hashes
    from history.journals
    where record_type in ('110', '220')
"""


# Of records 210, what a row of accounts_known says. A row of its own for each record stands for the
# same as one row for several of them (docs/decisions/0012).
EACH_RECORD_ALONE = """
    select
        reporter_code, account_id, state, report_month as built_in, report_date,
        report_date as last_report_date, report_date_code, repayment_status, overdue_total,
        five_tier_assigned_on, account_type as first_account_type,
        account_type as last_account_type, opened_on,
        coalesce(report_date_code in ('20', '32'), false) as was_closed,
        coalesce(overdue_total > 0, false) as was_overdue,
        json_extract_string(segment_hashes, '$.C') as hash_c,
        json_extract_string(segment_hashes, '$.F') as hash_f, customer_id, product_code
    from history.journals
    where record_type = '210' and state <> 'REJECTED'
"""


def create_history(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings, facts: BureauFacts
) -> None:
    """Create schema ``history`` in the build store: what earlier months sent and left pending.

    ``facts``: what the bureau refused and rejected, as far as this run reads its answers.
    """
    connection.execute("create schema if not exists history")
    connection.execute(
        "create or replace table history.built_months (month date, run_id varchar, as_of timestamp)"
    )
    earlier = earlier_months(run, settings)
    _require_whole([month for month, *_ in earlier], settings)
    if earlier:
        connection.executemany("insert into history.built_months values (?, ?, ?)", earlier)
    connection.execute(
        "create or replace table history.months_owed (account_id varchar, owed_month date)"
    )
    owed = _of_month_before("months_owed", run, settings)
    if owed:
        connection.execute(
            "insert into history.months_owed by name "
            f"select account_id, owed_month from {parquet_rows(owed)}"
        )
    _show_journals(connection, run, settings)
    _apply_answers(connection, run, settings, facts)
    _show_accounts_known(connection, run, settings)
    connection.execute(f"create or replace view history.submission_records as {RECORDS_KNOWN}")
    _show_repayment_history(connection, run, settings)
    _show_months_before(connection, run, settings)


def _apply_answers(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings, facts: BureauFacts
) -> None:
    """Take rejected records out of what counts as sent, and make their months pending.

    ``history.touched_accounts`` are those with a record 210 that is rejected as of exactly one of
    what this run and the month before have read: what that month left of them does not hold any
    more, and is derived from the journals (life cycle, sections 5.2 and 5.3).
    """
    before = bureau_facts(settings, _ledger_upto(run, settings))
    for table, known in (("rejected_records", facts), ("rejected_before", before)):
        connection.execute(
            f"create or replace table history.{table} as select distinct records.record_id, "
            "records.account_id, records.report_date from history.all_built as records "
            # without facts, as mostly, no record ever sent is read (docs/decisions/0012)
            f"where {bool(known.digest)} "
            "and records.state <> 'WITHHELD' and (records.record_id in (select unnest(?)) "
            "or concat_ws('/', records.reporter_code, records.file_name) in (select unnest(?)))",
            [
                [record_id for record_id, _ in known.rejected],
                [f"{reporter}/{name}" for reporter, name, _ in known.refused],
            ],
        )
    connection.execute(
        "create or replace table history.touched_accounts as "
        "select distinct account_id from (select * from history.rejected_records "
        "union all select * from history.rejected_before) where account_id is not null "
        "and (record_id in (select record_id from history.rejected_records)) "
        "<> (record_id in (select record_id from history.rejected_before))"
    )
    if not facts.digest and not before.digest:
        connection.execute("create or replace view history.journals as from history.all_built")
        return
    connection.execute(
        "create or replace view history.journals as select records.* replace (case when "
        "rejected.record_id is not null then 'REJECTED' else records.state end as state) "
        "from history.all_built as records left join history.rejected_records as rejected "
        "on records.record_id = rejected.record_id"
    )
    connection.execute(
        "insert into history.months_owed select distinct account_id, "
        "cast(date_trunc('month', report_date) as date) from history.rejected_records "
        "where account_id is not null "
        "and record_id not in (select record_id from history.rejected_before)"
    )
    connection.execute(
        "create or replace table history.months_owed as select distinct owed.* "
        "from history.months_owed as owed anti join (select account_id, "
        "cast(date_trunc('month', report_date) as date) as month from history.journals "
        "where record_type = '210' and state not in ('WITHHELD', 'REJECTED')) as sent "
        "on owed.account_id = sent.account_id and owed.owed_month = sent.month"
    )


def _ledger_upto(run: Run, settings: Settings) -> int:
    """The number of the newest batch of the ledger that the month before has read."""
    before = previous_month(run.month)
    found = (one.ledger_upto for one in built_months(settings) if one.month == before)
    return next(found, 0)


def _require_whole(months: list[date], settings: Settings) -> None:
    """Require the files of earlier months that this one reads; each must have a Parquet footer.

    Every journal must exist, and what the month before left. Tables that only serve comparison may
    be missing, but not damaged. Raises DataNotFit naming the file.
    """
    required = [partition(settings, "submission_records", month) / PART for month in months]
    required += [
        partition(settings, table, month) / PART
        for table in OF_MONTH_BEFORE
        for month in months[-1:]
    ]
    optional = [
        partition(settings, table, month) / PART
        for table in COMPARED
        for month in months[-MONTHS_COMPARED:]
    ]
    read = required + [path for path in optional if path.is_file()]
    with duckdb.connect() as connection:
        for path in read:
            try:
                connection.execute("from parquet_file_metadata(?)", [str(path)])
            except duckdb.Error:
                fault = "is damaged" if path.is_file() else "is missing"
                month = path.parent.name.removeprefix("report_month=")[:7]
                raise DataNotFit(
                    f"published file {path} {fault}; restore it, or run `reporting run --month "
                    f"{month}` again, and every later month"
                ) from None


def _show_journals(connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings) -> None:
    """All records of earlier months, as a view; queries should read as little of it as possible.

    It shows the states as built; ``history.journals`` shows them as of the answers that were read.
    """
    connection.execute(f"create or replace table history.no_records ({SUBMISSION_RECORDS})")
    files = [
        path
        for path in published_files(settings, "submission_records")
        if path.parent.name < f"report_month={run.month.isoformat()}"
    ]
    sent = f" union all by name select * from {parquet_rows(*files)}" if files else ""
    connection.execute(
        f"create or replace view history.all_built as select * from history.no_records{sent}"
    )


def _show_accounts_known(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    known = _of_month_before("accounts_known", run, settings)
    if known is None:
        connection.execute(f"create or replace table history.accounts_known ({ACCOUNTS_KNOWN})")
        return
    # an older version published fewer columns
    connection.execute(f"create or replace table history.no_accounts ({ACCOUNTS_KNOWN})")
    connection.execute(
        "create or replace view history.accounts_known as from history.no_accounts "
        f"union all by name select * exclude (report_month) from {parquet_rows(known)} "
        "where account_id not in (select account_id from history.touched_accounts) "
        f"union all by name select * from ({EACH_RECORD_ALONE}) "
        "where account_id in (select account_id from history.touched_accounts)"
    )


def _show_repayment_history(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    strings = _of_month_before("repayment_history", run, settings)
    _show(
        connection,
        "repayment_history",
        STRINGS_BEFORE,
        [strings] if strings else [],
        "account_id not in (select account_id from history.touched_accounts)",
    )


def _show_months_before(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Create the tables that the month's portfolio metrics are compared with."""
    statuses = _of_month_before("repayment_status", run, settings)
    _show(connection, "repayment_status", STATUS_BEFORE, [statuses] if statuses else [])
    months = [previous_month(run.month)]
    while len(months) < MONTHS_COMPARED:
        months.append(previous_month(months[-1]))
    for table, columns in COMPARED.items():
        files = [partition(settings, table, month) / PART for month in months]
        _show(connection, table, columns, [path for path in files if path.is_file()])
    connection.execute(
        "create or replace view history.unusual_figures as "
        "select report_month, figure, scope from history.batch_figures as figures "
        "anti join (from history.data_quality_results where is_waived) as waived "
        "on figures.report_month = waived.report_month "
        "and 'batch.' || figures.figure = waived.check_id where is_unusual"
    )


def _show(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: dict[str, str],
    files: list[Path],
    condition: str = "true",
) -> None:
    """Create a view of columns of published files; without files, a table without rows.

    A column that an older version did not publish is null.
    """
    if files:
        first = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns.items())
        connection.execute(
            f"create or replace view history.{table} as select {', '.join(columns)} "
            f"from (select {first} where false union all by name from {parquet_rows(*files)}) "
            f"where {condition}"
        )
        return
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"create or replace table history.{table} ({typed})")


def _of_month_before(table: str, run: Run, settings: Settings) -> Path | None:
    path = partition(settings, table, previous_month(run.month)) / PART
    return path if path.is_file() else None
