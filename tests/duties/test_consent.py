"""Nothing about a person leaves without the consent that covers it."""

from datetime import date

import duckdb

from duties.tables import Finds
from reporting.core.settings import DBT_PROJECT

# In force on the report date: signed by then and not withdrawn, or running off (policy).
IN_FORCE = (
    "cast(c.signed_at as date) <= s.rpt_date and (c.valid_to is null or c.valid_to >= s.rpt_date "
    "or (c.on_withdrawal = 'run_off' and d.opened_on <= c.valid_to))"
)
NO_CONSENT_IN_FORCE = f"""
select s.acct_code, s.rpt_date
from submission as s join account_dim as d using (acct_code)
where s.rec_type not in ('212', '213', '214') and not exists (
    select 1 from consent as c
    where c.user_id = d.user_id and c.product = d.product and {IN_FORCE})
order by all
"""
PERSON_WITHOUT_CONSENT = f"""
select s.user_id, s.rpt_date
from basic_110 as s
where not exists (
    select 1 from consent as c join account_dim as d using (user_id, product)
    where c.user_id = s.user_id and c.reporter_code = s.reporter_code and {IN_FORCE})
order by all
"""
BEFORE_THE_FIRST_CONSENT = """
select s.acct_code, s.month
from submission as s join account_dim as d using (acct_code)
where s.month < (
    select strftime(min(c.signed_at), '%Y-%m') from consent as c
    where c.user_id = d.user_id and c.product = d.product)
order by all
"""
EVIDENCE_INCOMPLETE = """
select consent_id from consent
where doc_version is null or doc_hash is null or length(doc_hash) <> 64 or signed_at is null
order by all
"""
TEXT_NOT_REGISTERED = """
select consent_id from consent join verdict using (consent_id)
where verdict.reason_code = 'REPORTED'
    and (doc_code, doc_version, doc_hash) not in (
        select (doc_code, doc_version, doc_hash) from consent_text)
group by all order by all
"""
REPORTER_NOT_NAMED = """
select distinct s.acct_code, s.reporter_code
from submission as s join account_dim as d using (acct_code)
where not exists (
    select 1 from consent as c
    where c.user_id = d.user_id and c.product = d.product and c.reporter_code = s.reporter_code)
order by all
"""
REPORTER_NAMED_TOO_LATE = """
select s.acct_code, s.reporter_code, s.rpt_date
from submission as s join account_dim as d using (acct_code)
where not exists (
    select 1 from consent as c
    where c.user_id = d.user_id and c.product = d.product and c.reporter_code = s.reporter_code
        and cast(c.signed_at as date) <= s.rpt_date)
order by all
"""
CONTRACT_WITHOUT_CONSENT = """
select acct_code
from account_dim as d join policy on d.product = policy.product_code
where policy.reporting_basis = 'contract'
    and (d.closed_on is null or d.closed_on >= date '2026-05-01') and d.opened_on <= '2026-05-31'
    and not exists (
        select 1 from consent as c
        where c.user_id = d.user_id and c.product = d.product
            and cast(c.signed_at as date) <= d.opened_on)
order by all
"""
MARCH, APRIL, MAY = date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)


def test_no_record_leaves_without_a_consent_in_force(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-01: Regulation on Credit Reporting, articles 13 and 29; PIPL, articles 13 and 23."""
    assert book.sql(NO_CONSENT_IN_FORCE).fetchall() == []
    assert book.sql(PERSON_WITHOUT_CONSENT).fetchall() == []
    assert len(book.sql("from submission").fetchall()) > 1000
    late = "update consent set signed_at = '2026-04-01 00:00:00' where user_id = 'C2'"
    assert finds(NO_CONSENT_IN_FORCE, late) == [("A2", MARCH), ("A2", MARCH)]
    assert finds(PERSON_WITHOUT_CONSENT, late) == [("C2", MARCH)]
    other = "update consent set product = 'BAITIAO' where user_id = 'C1'"
    assert len(finds(NO_CONSENT_IN_FORCE, other)) == 6


def test_no_month_before_the_first_consent_is_reported(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-02: PIPL, article 14: a consent does not reach back."""
    assert book.sql(BEFORE_THE_FIRST_CONSENT).fetchall() == []
    spoil = "update submission set month = '2026-02' where acct_code = 'A1' and month = '2026-03'"
    assert finds(BEFORE_THE_FIRST_CONSENT, spoil) == [("A1", "2026-02")]


def test_the_evidence_of_a_consent_is_complete(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-10: Regulation, articles 19 and 29; PIPL, article 14."""
    assert book.sql(EVIDENCE_INCOMPLETE).fetchall() == []
    for column, value in (("doc_version", "null"), ("doc_hash", "'abc'"), ("signed_at", "null")):
        spoil = f"update consent set {column} = {value} where user_id = 'C2'"
        assert finds(EVIDENCE_INCOMPLETE, spoil) == [("E2",)]


def test_the_text_that_was_signed_is_in_the_registry(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-11: Regulation, article 19; PIPL, article 23. The registry is seeds/consent_texts.csv."""
    registry = DBT_PROJECT / "seeds" / "consent_texts.csv"
    query = TEXT_NOT_REGISTERED.replace(
        "from consent_text)",
        f"from read_csv('{registry}') as t(doc_code, doc_version, doc_hash))",
    )
    assert book.sql(query).fetchall() == []
    spoil = "update consent set doc_version = 'v9' where user_id = 'C2'"
    assert finds(TEXT_NOT_REGISTERED, spoil) == [("E2",)]


def test_the_consent_names_the_institution_that_sends(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-14: PIPL, articles 17 and 23."""
    assert book.sql(REPORTER_NOT_NAMED).fetchall() == []
    spoil = "update consent set reporter_code = 'R2' where user_id = 'C1'"
    assert finds(REPORTER_NOT_NAMED, spoil) == [("A1", "R1")]


def test_a_new_reporter_is_named_before_its_first_file(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-15: PIPL, articles 14, 22 and 23."""
    assert book.sql(REPORTER_NAMED_TOO_LATE).fetchall() == []
    assert len(book.sql("select distinct reporter_code from submission").fetchall()) > 1
    spoil = (
        "update submission set reporter_code = 'R2'"
        " where acct_code = 'A1' and rpt_date > '2026-04-01';"
        "insert into consent select * replace ('E9' as consent_id, 'R2' as reporter_code,"
        " timestamp '2026-05-02' as signed_at) from consent where user_id = 'C1'"
    )
    assert finds(REPORTER_NAMED_TOO_LATE, spoil) == [("A1", "R2", APRIL), ("A1", "R2", APRIL)]


def test_a_withdrawal_stops_or_runs_off_and_rewrites_nothing(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-22: PIPL, articles 15 and 16. What was sent before stays sent; the policy decides on."""
    assert book.sql(NO_CONSENT_IN_FORCE).fetchall() == []
    withdrawn = book.sql(
        "select s.rpt_date > c.valid_to as is_after, count(*) from submission as s "
        "join account_dim using (acct_code) join consent as c using (user_id, product) "
        "where c.valid_to is not null group by all order by all"
    ).fetchall()
    assert [is_after for is_after, _ in withdrawn] == [False, True]  # and run-off is in the book
    stop = "update consent set valid_to = '2026-04-29' where user_id = 'C2'"
    assert {day for _, day in finds(NO_CONSENT_IN_FORCE, stop)} == {APRIL, MAY}
    run_off = f"{stop}; update consent set on_withdrawal = 'run_off'"
    assert finds(NO_CONSENT_IN_FORCE, run_off) == []
    opened_after = "update account_dim set opened_on = '2026-04-30' where acct_code = 'A2'"
    assert len(finds(NO_CONSENT_IN_FORCE, f"{run_off}; {opened_after}")) == 4


def test_a_contract_without_consent_is_an_incident(book: duckdb.DuckDBPyConnection) -> None:
    """REQ-01 for products whose loan contract holds the consent: an alert, never a silent skip."""
    incidents = book.sql(CONTRACT_WITHOUT_CONSENT).fetchall()
    told = book.sql(
        "select sum(rows_failing)::integer from published.marts.data_quality_results "
        "where report_month = '2026-05-01' and severity = 'warning' and check_id in "
        "('population.contract_consent_missing', 'population.contract_consent_late')"
    )
    assert told.fetchall() == [(len(incidents),)]
    assert incidents
    sent = book.sql("select distinct acct_code from submission where rpt_date > '2026-05-01'")
    unsigned = book.sql(
        "select acct_code from verdict where reason_code = 'CONTRACT_CONSENT_MISSING' "
        "and month = '2026-05'"
    )
    assert not set(sent.fetchall()) & set(unsigned.fetchall())
