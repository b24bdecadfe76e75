"""What is sent is complete, unchanged, about the right people, and can be shown to them."""

import hashlib
import hmac
import shutil
from pathlib import Path

import duckdb
import pytest
from oracle.submission_reader import SubmissionFaultError, read_month
from support.lender_months import Lender

from duties.tables import Finds
from reporting.records.hash_key import hash_key

# Each month of an open, authorized account has a record, a reason, or stands among the months owed.
INCOMPLETE = """
with month as (
    select strftime(g, '%Y-%m') as month, last_day(g::date) as eom
    from (select unnest(generate_series(date '2026-03-01', date '2026-05-01',
        interval 1 month)) as g)
),
must as (
    select distinct d.acct_code, m.month
    from account_dim as d
    join consent as c on c.user_id = d.user_id and c.product = d.product
    join month as m
        on cast(c.signed_at as date) <= m.eom and d.opened_on <= m.eom
        and (d.closed_on is null or (
            strftime(d.closed_on, '%Y-%m') >= m.month
            and d.closed_on >= cast(c.signed_at as date)))
        and (c.valid_to is null or c.valid_to >= least(m.eom, coalesce(d.closed_on, m.eom)))
)
from must
anti join (
    select acct_code, month from submission where rec_type = '210' and feedback_code is null
) using (acct_code, month)
anti join owed using (acct_code, month)
anti join (
    select acct_code, month from verdict where reason_code not in ('REPORTED', 'NOTICE_PENDING')
) using (acct_code, month)
order by all
"""
WITHHELD_UNSEEN = """
select record_id from journal where state = 'WITHHELD'
    and record_id not in (select record_id from repair) order by all
"""
WITHHELD_NOT_OWED = """
select j.account_id, strftime(j.report_date, '%Y-%m') as month
from journal as j anti join owed
    on j.account_id = owed.acct_code and strftime(j.report_date, '%Y-%m') = owed.month
where j.record_type = '210' and j.state = 'WITHHELD' and not exists (
    select 1 from journal as again
    where again.record_type = '210' and again.account_id = j.account_id
        and again.report_date = j.report_date and again.run_month > j.run_month)
order by all
"""
UNDERAGE = """
select distinct acct_code
from submission join account_dim using (acct_code) join user_dim using (user_id)
where opened_on < birth_date + interval 18 year
order by all
"""
STUDENTS = """
select acct_code from account_dim join user_dim using (user_id)
where is_student and opened_on >= date '2021-03-01'
    and opened_on <= date '2026-05-31' and (closed_on is null or closed_on >= date '2026-05-01')
order by all
"""


def test_every_open_authorized_account_has_a_record_or_a_reason(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-16: Regulation on Credit Reporting, article 29: fully and correctly."""
    assert book.sql(INCOMPLETE).fetchall() == []
    spoil = "delete from submission where acct_code = 'A2' and month = '2026-04'"
    assert finds(INCOMPLETE, spoil) == [("A2", "2026-04")]
    owed = f"{spoil}; insert into owed values ('A2', '2026-04')"
    assert finds(INCOMPLETE, owed) == []
    reason = (
        f"{spoil}; update verdict set reason_code = 'IDENTITY_INVALID'"
        " where acct_code = 'A2' and month = '2026-04'"
    )
    assert finds(INCOMPLETE, reason) == []
    assert finds(INCOMPLETE, reason.replace("IDENTITY_INVALID", "NOTICE_PENDING"))


def test_a_record_held_back_is_in_the_repair_queue_and_stays_owed(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-17: Regulation, article 29. A rejection by the bureau is not known yet: no feedback."""
    assert book.sql(WITHHELD_UNSEEN).fetchall() == []
    assert book.sql(WITHHELD_NOT_OWED).fetchall() == []
    spoil = "update journal set state = 'WITHHELD' where record_id = 'F5A1210'"
    assert finds(WITHHELD_UNSEEN, spoil) == [("F5A1210",)]
    assert finds(WITHHELD_NOT_OWED, spoil) == [("A1", "2026-05")]


def test_borrowers_were_adults_when_the_account_opened(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-19: PIPL, article 31; an account that was opened too early is not reported (UNDERAGE)."""
    assert book.sql(UNDERAGE).fetchall() == []
    spoil = "update user_dim set birth_date = '2007-02-11' where user_id = 'C2'"
    assert finds(UNDERAGE, spoil) == [("A2",)]


def test_loans_to_students_are_counted(book: duckdb.DuckDBPyConnection, finds: Finds) -> None:
    """REQ-20: student notice of 2021. Granting is not this system's act: each month warns."""
    told = book.sql(
        "select rows_failing, severity from published.marts.data_quality_results "
        "where report_month = '2026-05-01' and check_id = 'population.students'"
    )
    students = book.sql(STUDENTS).fetchall()
    assert told.fetchall() == [(len(students), "warning")]
    assert students
    spoil = "update user_dim set is_student = true where user_id = 'C1'"
    assert finds(STUDENTS, spoil) == [("A1",)]


def test_a_person_gets_all_that_was_ever_sent_about_them(
    book: duckdb.DuckDBPyConnection, lender_book: Lender
) -> None:
    """REQ-27: PIPL, article 45; Regulation, article 17: by customer, the journal holds every line.

    The lines that name a person's number in the files are the lines whose keyed hash stands in
    ``submission_records`` under the customer, the accounts and the agreements of that person.
    """
    key, paths = hash_key(lender_book.settings, ()), lender_book.settings.submissions.rglob("*.txt")
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()[1:]]
    in_files: dict[str, set[str]] = {}
    for line in lines:
        number = line.partition("<IDNum>")[2].partition("</IDNum>")[0]
        digest = hmac.new(key, line.encode(), "sha256").hexdigest()
        in_files.setdefault(number, set()).add(digest)
    exported = book.sql(
        """
        select customers.id_number, list(distinct records.content_sha256)
        from customers
        join account_dim as d on d.user_id = customers.customer_id
        join published.marts.submission_records as records
            on records.subject_id = case records.record_type
                when '110' then d.user_id when '210' then d.acct_code else d.agreement end
        where records.state <> 'WITHHELD'
        group by customers.id_number
        """
    ).fetchall()
    assert len(exported) > 100
    assert {number: set(hashes) for number, hashes in exported} == in_files


def test_a_sent_file_is_the_one_of_its_manifest(lender_book: Lender, tmp_path: Path) -> None:
    """REQ-29: Regulation, article 29: what was sent is not changed; the reader compares hashes."""
    for month in lender_book.months:
        for submission in read_month(lender_book.settings.home, month).values():
            for file in submission.manifest["files"]:
                content = (submission.folder / file["name"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file["sha256"]
    month = lender_book.months[0]
    shutil.copytree(lender_book.settings.submissions, tmp_path / "submissions")
    path = next((tmp_path / "submissions").glob(f"*/{month}/*210*.txt"))
    path.write_bytes(path.read_bytes().replace(b"<AcctBal>0<", b"<AcctBal>1<", 1))
    with pytest.raises(SubmissionFaultError, match="another SHA-256"):
        read_month(tmp_path, month)
