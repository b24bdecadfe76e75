"""What earlier runs sent and left pending, as schema ``history`` of a run's build store.

A run reads only what its predecessor left (docs/decisions/0012). All records ever sent are
read only for an account that was missing from the run before.
"""

from datetime import date
from pathlib import Path

import duckdb

from reporting.core.database import parquet_rows
from reporting.core.errors import DataNotFit
from reporting.core.run import OWN_PART, Run, previous_month
from reporting.core.seeds import feedback_code
from reporting.core.settings import Settings
from reporting.store.published import BuiltRun, journal_file, partition, published_file, unreadable
from reporting.store.submission_ledger import BureauFacts, bureau_facts

SUBMISSION_RECORDS = """
    record_id varchar, reporter_code varchar, record_type varchar, subject_id varchar,
    account_id varchar, report_month date, report_date date, report_date_code varchar,
    segment_hashes varchar, content_sha256 varchar, repayment_status varchar,
    overdue_total decimal(18, 2), file_name varchar, state varchar, rule_ids varchar,
    faulty_elements varchar, released_at timestamp, feedback_code varchar, account_type varchar,
    opened_on date, five_tier_assigned_on date, identity_hash varchar, values_hash varchar,
    agreement_id varchar, credit_limit decimal(18, 2), customer_id varchar, product_code varchar,
    as_of timestamp
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
HANDED_ON = ("months_owed", "accounts_known", "repayment_history")  # by a run to the next one
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
        record_type, reporter_code, subject_id, state, report_month, as_of,
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
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    earlier: list[BuiltRun],
    settings: Settings,
    facts: BureauFacts,
) -> None:
    """Create schema ``history`` in the build store: what earlier runs sent and left pending.

    ``earlier`` is the chain of the run, the last of it the predecessor. ``facts``: what the bureau
    refused and rejected, as far as this run reads its answers (life cycle, section 5).
    """
    before = earlier[-1] if earlier else None
    connection.execute("create schema if not exists history")
    connection.execute(
        "create or replace table history.runs "
        "(month date, run_id varchar, as_of timestamp, is_supplement boolean)"
    )
    _require_whole(run, earlier, settings)
    if earlier:
        connection.executemany(
            "insert into history.runs values (?, ?, ?, ?)", [one.row for one in earlier]
        )
    connection.execute(
        "create or replace table history.months_owed (account_id varchar, owed_month date)"
    )
    if before:
        owed = published_file(settings, "months_owed", before.run)
        connection.execute(
            "insert into history.months_owed by name "
            f"select account_id, owed_month from {parquet_rows(owed)}"
        )
    _show_journals(connection, earlier, settings)
    _apply_answers(connection, settings, before, facts)
    _show_pending_records(connection, facts)
    _show_accounts_known(connection, before, settings)
    connection.execute(f"create or replace view history.submission_records as {RECORDS_KNOWN}")
    _show_repayment_history(connection, before, settings)
    _show_months_before(connection, run, settings)


def _apply_answers(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    predecessor: BuiltRun | None,
    facts: BureauFacts,
) -> None:
    """Take rejected records out of what counts as sent, and make their months pending.

    ``history.touched_accounts`` are those with a record 210 that is rejected as of exactly one of
    what this run and its predecessor have read: what that one left of them does not hold any more,
    and is derived from the journals (life cycle, section 5).
    """
    before = bureau_facts(settings, predecessor.ledger_upto if predecessor else 0)
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


def _show_pending_records(connection: duckdb.DuckDBPyConnection, facts: BureauFacts) -> None:
    """Create what the bureau's answers leave pending beside months, and what it will not take.

    ``history.pending_records``: of each person and agreement the newest record that stands in a
    file, if it is rejected. ``history.rejected_contents``: records that the bureau rejected with a
    code that only other content helps (life cycle, section 5).
    """
    connection.execute(
        "create or replace table history.pending_records as select record_type, reporter_code, "
        "subject_id, report_date, report_date_code from history.journals "
        f"where {bool(facts.digest)} and record_type in ('110', '220') and state <> 'WITHHELD' "
        "qualify row_number() over (partition by record_type, reporter_code, subject_id "
        "order by report_month desc, as_of desc nulls last, report_date desc) = 1 "
        "and state = 'REJECTED'"
    )
    for_good = [
        record_id
        for record_id, code in facts.rejected
        if (known := feedback_code(code)) and known.only_other_content_helps == "true"
    ]
    connection.execute(
        "create or replace table history.rejected_contents as select distinct record_type, "
        "reporter_code, subject_id, report_date, segment_hashes from history.journals "
        f"where {bool(for_good)} and record_id in (select unnest(?))",
        [for_good],
    )


def _require_whole(run: Run, earlier: list[BuiltRun], settings: Settings) -> None:
    """Require the files of earlier runs that this one reads; each must have a Parquet footer.

    Every journal must exist, and what the predecessor left. Tables that only serve comparison may
    be missing, but not damaged. Raises DataNotFit naming the file.
    """
    required = {journal_file(settings, one.run): one.run for one in earlier}
    for before in earlier[-1:]:
        required |= {published_file(settings, table, before.run): before.run for table in HANDED_ON}
    own = [one.run for one in earlier if not one.is_supplement and one.month < run.month]
    for before_run in own[-1:]:
        required[published_file(settings, "repayment_status", before_run)] = before_run
    optional = {
        published_file(settings, table, one): one
        for table in COMPARED
        for one in own[-MONTHS_COMPARED:]
    }
    read = required | {path: one for path, one in optional.items() if path.is_file()}
    for path in unreadable(read)[:1]:
        fault = "is damaged" if path.is_file() else "is missing"
        raise DataNotFit(
            f"published file {path} {fault}; restore it, or run `reporting run "
            f"{read[path].options}` again, and every later month"
        )


def _show_journals(
    connection: duckdb.DuckDBPyConnection, earlier: list[BuiltRun], settings: Settings
) -> None:
    """All records of earlier runs, as a view; queries should read as little of it as possible.

    It shows the states as built; ``history.journals`` shows them as of the answers that were read.
    """
    connection.execute(f"create or replace table history.no_records ({SUBMISSION_RECORDS})")
    files = [journal_file(settings, one.run) for one in earlier]
    sent = f" union all by name select * from {parquet_rows(*files)}" if files else ""
    connection.execute(
        f"create or replace view history.all_built as select * from history.no_records{sent}"
    )


def _show_accounts_known(
    connection: duckdb.DuckDBPyConnection, before: BuiltRun | None, settings: Settings
) -> None:
    if before is None:
        connection.execute(f"create or replace table history.accounts_known ({ACCOUNTS_KNOWN})")
        return
    known = published_file(settings, "accounts_known", before.run)
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
    connection: duckdb.DuckDBPyConnection, before: BuiltRun | None, settings: Settings
) -> None:
    _show(
        connection,
        "repayment_history",
        STRINGS_BEFORE,
        [published_file(settings, "repayment_history", before.run)] if before else [],
        "account_id not in (select account_id from history.touched_accounts)",
    )


def _show_months_before(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Create the tables that the month's portfolio metrics are compared with."""
    statuses = _files_of("repayment_status", [previous_month(run.month)], settings)
    _show(connection, "repayment_status", STATUS_BEFORE, statuses)
    months = [previous_month(run.month)]
    while len(months) < MONTHS_COMPARED:
        months.append(previous_month(months[-1]))
    for table, columns in COMPARED.items():
        _show(connection, table, columns, _files_of(table, months, settings))
    connection.execute(
        "create or replace view history.unusual_figures as "
        "select report_month, figure, scope from history.batch_figures as figures "
        "anti join (from history.data_quality_results where is_waived) as waived "
        "on figures.report_month = waived.report_month "
        "and 'batch.' || figures.figure = waived.check_id where is_unusual"
    )


def _files_of(table: str, months: list[date], settings: Settings) -> list[Path]:
    """The files of own runs of some months; none where a month has not published the table."""
    files = [partition(settings, table, month) / OWN_PART for month in months]
    return [path for path in files if path.is_file()]


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
