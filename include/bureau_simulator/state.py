"""What the bureau holds: ``F/bureau.sqlite`` (lifecycle 12).

Values are stored as sent, as text, under the tags of the interface.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bureau_simulator.layouts import ACCOUNT, AGREEMENT, PERSON
from bureau_simulator.messages import Message
from bureau_simulator.records import Record

KEY_SEPARATOR = "|"  # cannot stand in a code; joins the tags of a key

PERSON_SEGMENTS = [segment.key for segment in PERSON.segments[1:]]
PERSON_COLUMNS = [element.tag for segment in PERSON.segments for element in segment.elements]
AGREEMENT_COLUMNS = [element.tag for segment in AGREEMENT.segments for element in segment.elements]
MONTH_COLUMNS = ["AcctCode", "RptDate", "RptDateCode", *ACCOUNT.tags("H")]
RECOVERY_COLUMNS = ["AcctCode", "RptDate", *ACCOUNT.tags("J")]

_BASE_OF_ACCOUNT = list(ACCOUNT.tags("B"))
_IN_FORCE = [*ACCOUNT.tags("C"), "Mcc"]
ACCOUNT_COLUMNS = [*_BASE_OF_ACCOUNT, *_IN_FORCE]


def _columns(names: Iterable[str]) -> str:
    return ", ".join(f"{name} text not null default ''" for name in names)


SCHEMA = f"""
create table if not exists files (
    file_id integer primary key, name text not null, sha256 text not null, copy integer not null,
    answer_header text not null,
    refused_code text not null, records integer not null, rejected integer not null,
    is_answer_due integer not null, answer blob, unique (name, sha256));
create table if not exists messages (
    file_id integer not null, line integer not null, code text not null, tag text not null,
    text text not null, record text not null);
create index if not exists messages_of_file on messages (file_id);
create table if not exists records (
    record_type text not null, record_key text not null, RptDate text not null,
    file_id integer not null, line integer not null,
    primary key (record_type, record_key, RptDate)) without rowid;
create table if not exists persons (
    {_columns(PERSON_COLUMNS)}, FirstRptDate text not null,
    primary key (Name, IDType, IDNum, InfSurcCode));
create table if not exists agreements (
    {_columns(AGREEMENT_COLUMNS)}, FirstRptDate text not null, primary key (ContractCode));
create table if not exists accounts (
    {_columns(ACCOUNT_COLUMNS)}, FirstRptDate text not null, FromC text not null default '',
    FromF text not null default '', primary key (AcctCode));
create table if not exists months ({_columns(MONTH_COLUMNS)}, primary key (AcctCode, Month));
create table if not exists recoveries (
    {_columns(RECOVERY_COLUMNS)}, primary key (AcctCode, RptDate));
create table if not exists special_transactions (
    AcctCode text not null, RptDate text not null, position integer not null,
    {_columns(element.tag for element in ACCOUNT.segments[-1].item)},
    primary key (AcctCode, RptDate, position));
create table if not exists closings (
    AcctCode text primary key, RptDate text not null, CloseDate text not null);
"""


class State:
    """The database of one bureau folder."""

    def __init__(self, file: Path) -> None:
        """Open the database and create what is missing."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.sql = sqlite3.connect(file, isolation_level=None)
        self.sql.row_factory = sqlite3.Row
        self.sql.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self.sql.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written, or nothing where an exception leaves."""
        self.sql.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.sql.execute("rollback")
            raise
        self.sql.execute("commit")

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query."""
        row: sqlite3.Row | None = self.sql.execute(query, values).fetchone()
        return row

    # What the rules ask -----------------------------------------------------------------------

    def has_record(self, record: Record) -> bool:
        """Is a record of the same key and report date stored?"""
        query = "select 1 from records where record_type = ? and record_key = ? and RptDate = ?"
        return (
            self.row(query, record.layout.record_type, joined(record), record.report_date)
            is not None
        )

    def newest_report_date(self, record: Record) -> str:
        """Newest report date stored for the key of a record, empty where none is."""
        query = "select max(RptDate) from records where record_type = ? and record_key = ?"
        row = self.row(query, record.layout.record_type, joined(record))
        return str(row[0] or "") if row else ""

    def person(self, record: Record) -> sqlite3.Row | None:
        """Return what the same source said about a person."""
        query = (
            "select * from persons where InfSurcCode = ? and Name = ? and IDType = ? and IDNum = ?"
        )
        return self.row(query, *record.key)

    def knows_person(self, record: Record) -> bool:
        """Is a person of these three marks known, from any source?"""
        query = "select 1 from persons where Name = ? and IDType = ? and IDNum = ?"
        marks = (record.base[tag] for tag in ("Name", "IDType", "IDNum"))
        return self.row(query, *marks) is not None

    def knows_agreement(self, code: str) -> bool:
        """Is an agreement of this code stored?"""
        return self.row("select 1 from agreements where ContractCode = ?", code) is not None

    def ended_agreement(self, code: str) -> str:
        """Report date at which an agreement was reported as ended, empty where it was not."""
        query = "select RptDate from agreements where ContractCode = ? and ConStatus = '2'"
        row = self.row(query, code)
        return str(row["RptDate"]) if row else ""

    def account(self, code: str) -> sqlite3.Row | None:
        """Return base, C and F in force of an account."""
        return self.row("select * from accounts where AcctCode = ?", code)

    def closed_on(self, code: str) -> str:
        """Report date of the closing record of an account, empty where it is open."""
        row = self.row("select RptDate from closings where AcctCode = ?", code)
        return str(row["RptDate"]) if row else ""

    def has_month(self, code: str, month: str) -> bool:
        """Is segment H of this account and month stored?"""
        query = "select 1 from months where AcctCode = ? and Month = ?"
        return self.row(query, code, month) is not None

    # What a file does -------------------------------------------------------------------------

    def put_messages(self, file_id: int, line: int, record: str, messages: list[Message]) -> None:
        """Store what is answered about one record, or, with line 0, about a whole file."""
        self.sql.executemany(
            "insert into messages values (?, ?, ?, ?, ?, ?)",
            ((file_id, line, *message, record) for message in messages),
        )


def joined(record: Record) -> str:
    """Return the key of a record as one text."""
    return KEY_SEPARATOR.join(record.key)
