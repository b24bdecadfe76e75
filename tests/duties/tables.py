"""The tables the duties are written on: views of what was delivered, published and sent.

``book_tables`` shows them over a landing zone (newest version known at the last cut-off), the
published database and the submission files as the bureau reads them. ``MINIATURE`` holds two good
persons, for spoiling one row and seeing it found.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
from oracle.submission_reader import Record, SubmissionFile, read_month
from support.lender_months import Lender

from reporting.core.product_policy import read_policy
from reporting.core.raw_contract import raw_contract

Rows = list[tuple[Any, ...]]
Finds = Callable[[str, str], Rows]

COLUMNS = {
    "sent": "file_name varchar, reporter_code varchar, rec_type varchar, code varchar, "
    "rpt_date date, month varchar, rpy_status varchar, sent_at timestamp",
    "sent_110": "reporter_code varchar, name varchar, id_number varchar, rpt_date date, "
    "has_income boolean",
}

VIEWS = """
create view account_dim as select account_id as acct_code, customer_id as user_id,
    product_code as product, reporter_code, opened_on, closed_on,
    coalesce(parent_account_id, account_id) as agreement from accounts;

create view user_dim as select customer_id as user_id, birth_date, is_student from customers;

-- A signature of the product's own document, valid up to the day before its withdrawal.
create view consent as
with events as (
    select consents.*, on_withdrawal
    from consents join policy using (product_code, document_code)
)
select signed.consent_event_id as consent_id, signed.customer_id as user_id,
    signed.product_code as product, signed.reporter_code, signed.document_code as doc_code,
    signed.document_version as doc_version, signed.document_sha256 as doc_hash,
    signed.occurred_at as signed_at, signed.on_withdrawal,
    min(withdrawn.occurred_at)::date - 1 as valid_to
from events as signed
left join events as withdrawn
    on withdrawn.action = 'withdrawn' and withdrawn.customer_id = signed.customer_id
    and withdrawn.product_code = signed.product_code
    and withdrawn.reporter_code = signed.reporter_code
    and withdrawn.occurred_at >= signed.occurred_at
where signed.action = 'signed'
group by all;

-- Of an agreement, the account that was opened first under it stands for all.
create view submission as
select file_name, sent.reporter_code, rec_type, acct_code, rpt_date, month, rpy_status, sent_at,
    null::varchar as feedback_code
from sent join account_dim
    on case rec_type when '210' then acct_code else agreement end = sent.code
qualify row_number() over (
    partition by file_name, rec_type, code, rpt_date order by opened_on, acct_code) = 1;

create view basic_110 as
select customer_id as user_id, reporter_code, rpt_date, has_income
from sent_110 join customers using (name, id_number);

create view verdict as select account_id as acct_code, strftime(report_month, '%Y-%m') as month,
    reason_code, episode_started_on, consent_event_id as consent_id
from published.marts.reportable_population;

create view owed as select account_id as acct_code, strftime(owed_month, '%Y-%m') as month
from published.marts.months_owed
where report_month = (select max(report_month) from published.marts.months_owed);

create view journal as select record_id, record_type, reporter_code, subject_id, account_id,
    report_month as run_month, report_date, state from published.marts.submission_records;

create view repair as select record_id, report_month as run_month
from published.marts.repair_queue;

create view adverse_notice as select account_id as acct_code, episode_started_on as episode_start,
    sent_at, delivered_at from adverse_notices;

create view dispute as select dispute_id, account_id as acct_code, received_on, annotated_on,
    answered_on, outcome, remark from disputes;
"""

# Two customers of HUABEI, reported for March, April and May 2026; the second is late in April and
# May (one episode, told in time) and disputed that.
MINIATURE = """
create table user_dim as from (values ('C1', date '1990-01-01', false),
    ('C2', date '1995-05-05', false)) as t(user_id, birth_date, is_student);
create table account_dim as from (values
    ('A1', 'C1', 'HUABEI', 'R1', date '2025-01-10', null::date, 'A1'),
    ('A2', 'C2', 'HUABEI', 'R1', date '2025-02-10', null, 'A2'),
    ) as t(acct_code, user_id, product, reporter_code, opened_on, closed_on, agreement);
create table consent as select 'E' || i as consent_id, 'C' || i as user_id, 'HUABEI' as product,
    'R1' as reporter_code, 'AUTHORIZATION' as doc_code, 'v1' as doc_version,
    repeat('a', 64) as doc_hash, timestamp '2026-03-05 10:00:00' as signed_at,
    'stop' as on_withdrawal, null::date as valid_to from range(1, 3) as t(i);
create table consent_text as select 'AUTHORIZATION' as doc_code, 'v1' as doc_version,
    repeat('a', 64) as doc_hash;
create table submission as
select 'F' || month(report) as file_name, 'R1' as reporter_code, rec_type, 'A' || i as acct_code,
    report as rpt_date, case rec_type when '210' then strftime(report, '%Y-%m') end as month,
    case when rec_type = '210' then if(i = 2 and month(report) > 3, '1', 'N') end as rpy_status,
    report + interval 3 day as sent_at, null::varchar as feedback_code
from unnest([date '2026-03-31', date '2026-04-30', date '2026-05-31']) as r(report),
    range(1, 3) as t(i), unnest(['210', '220']) as y(rec_type);
create table basic_110 as select 'C' || i as user_id, 'R1' as reporter_code,
    date '2026-03-31' as rpt_date, false as has_income from range(1, 3) as t(i);
create table verdict as select acct_code, month, 'REPORTED' as reason_code,
    case rpy_status when '1' then date '2026-04-10' end as episode_started_on,
    'E' || acct_code[2:] as consent_id from submission where rec_type = '210';
create table owed (acct_code varchar, month varchar);
create table journal as select file_name || acct_code || rec_type as record_id,
    rec_type as record_type, reporter_code, acct_code as subject_id, acct_code as account_id,
    date_trunc('month', rpt_date)::date as run_month, rpt_date as report_date, 'BUILT' as state
from submission;
create table repair (record_id varchar, run_month date);
create table adverse_notice as select 'A2' as acct_code, date '2026-04-10' as episode_start,
    timestamp '2026-05-01 09:00:00' as sent_at, timestamp '2026-05-01 09:01:00' as delivered_at;
create table dispute as select 'D1' as dispute_id, 'A2' as acct_code,
    date '2026-05-04' as received_on, date '2026-05-05' as annotated_on,
    date '2026-05-24' as answered_on, 'unverifiable' as outcome, 'contested' as remark;
"""


def newest_versions(lender: Lender) -> Iterator[str]:
    """A view of each raw table: the newest version of each key known at the last cut-off."""
    cut_off = lender.run(lender.months[-1]).as_of
    for table in raw_contract():
        folder = Path(lender.settings.landing) / table.name
        yield (
            f"create view {table.name} as select * "
            f"from read_parquet('{folder}/**/*.parquet', union_by_name = true) "
            f"where recorded_at <= '{cut_off}' qualify row_number() over ("
            f"partition by {', '.join(table.key)} order by recorded_at desc) = 1"
        )


def sent_records(lender: Lender) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Every record in the files of all months: 210 and 220 by their code, 110 by the person."""
    sent, people = [], []
    for month in lender.months:
        for reporter, submission in read_month(lender.settings.home, month).items():
            for file in submission.files:
                for record in file.records:
                    if file.record_type == "110":
                        people.append(_person(reporter, record))
                    else:
                        sent.append(_record(file, record))
    return sent, people


def _person(reporter: str, record: Record) -> tuple[Any, ...]:
    base = record["BsSgmt"]
    return reporter, base["Name"], base["IDNum"], base["RptDate"], "IncInfSgmt" in record


def _record(file: SubmissionFile, record: Record) -> tuple[Any, ...]:
    base, told = file.base(record), record.get("AcctMthlyBlgInfSgmt", {})
    code = base["AcctCode" if file.record_type == "210" else "ContractCode"]
    return (
        file.path.name,
        file.reporter_code,
        file.record_type,
        code.removeprefix(file.reporter_code),
        base["RptDate"],
        told.get("Month"),
        told.get("RpyStatus"),
        file.created_at,
    )


def book_tables(lender: Lender) -> duckdb.DuckDBPyConnection:
    """The duties' tables over a lender's landing zone, published database and files."""
    connection = duckdb.connect()
    connection.execute(f"attach '{lender.settings.published_database}' as published (read_only)")
    connection.execute(
        "create table policy as from read_csv(?, all_varchar = true)",
        [str(read_policy(lender.settings))],
    )
    for view in newest_versions(lender):
        connection.execute(view)
    for name, rows in zip(COLUMNS, sent_records(lender), strict=True):
        connection.execute(f"create table {name} ({COLUMNS[name]})")
        columns = [list(values) for values in zip(*rows, strict=True)]
        unnested = ", ".join(["unnest(?)"] * len(columns))
        connection.execute(f"insert into {name} select {unnested}", columns)
    connection.execute(VIEWS)
    return connection
