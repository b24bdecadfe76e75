"""A statement says every state in words, in both languages and alike in text, page and JSON."""

import html
import json
import re
from dataclasses import replace
from datetime import date, datetime

import duckdb
import pytest
from typer.testing import CliRunner

from reporting.cli.app import app
from reporting.core.errors import BadCall
from reporting.core.seeds import reasons, seed_rows
from reporting.core.settings import Settings
from reporting.records.lines import VALUES_KEPT, layouts
from reporting.statement import facts
from reporting.statement.compose import Document, document_of
from reporting.statement.facts import Account, Pending, Record, Standing, Statement
from reporting.statement.language import Language, Words, record_fields, sentences
from reporting.statement.render import Form, render
from reporting.why import answer
from reporting.why.facts import QuarantinedRow

CHINESE = re.compile("[\u4e00-\u9fff]")
STATES = ["ACCEPTED", "RELEASED", "BUILT", "REJECTED", "WITHHELD"]
FORMS = {"day", "month", "yuan", "periods", "months", "text"}  # all else is a kind of codes

RECORD = Record(
    record_type="210",
    reporter_code="N101W1100H0017",
    subject_id="A1",
    account_id="A1",
    product_code="HUABEI",
    report_date=date(2026, 5, 31),
    report_date_code="30",
    state="ACCEPTED",
    file_name="F1.txt",
    sent_at=datetime(2026, 6, 10, 9),
    feedback_code=None,
    rule_ids=None,
    values={"month": "2026-05", "rpy_status": "2", "acct_bal": 1200, "tot_overd": 300},
    segments=["B", "H"],
    before=[],
)
ROW = {
    "reason_code": "REPORTED",
    "is_reportable": True,
    "consent_event_id": "E1",
    "document_code": "CREDIT_REPORTING_AUTHORIZATION",
    "document_version": "v2",
    "decided_at": datetime(2025, 12, 24, 17),
    "is_in_run_off": False,
    "withdrawn_at": None,
    "first_signed_at": None,
    "reporters_named": None,
    "notice_delivered_at": None,
}
ACCOUNT = Account("A1", "HUABEI", "N101W1100H0017", ROW, [RECORD], [], [])


def statement(*accounts: Account, **more: object) -> Statement:
    one = Statement("C1", date(2026, 5, 1), None, datetime(2026, 6, 3), list(accounts), [], [], [])
    return replace(one, **more)  # type: ignore[arg-type]  # the fields of the class


def with_record(**changes: object) -> Account:
    return replace(ACCOUNT, records=[replace(RECORD, **changes)])  # type: ignore[arg-type]


def aloud(document: Document) -> str:
    """What is read out to the customer."""
    accounts = [line for one in document.accounts for line in (one.heading, *one.lines)]
    return "\n".join([*document.answer, *accounts, *document.pending, *document.dispute])


def every_text(document: Document) -> list[str]:
    """Every text of a document, in its order."""
    values = []
    for account in document.accounts:
        values += [account.heading, *account.lines]
    for section in document.details:
        values += [section.heading, *section.remarks]
        for record in section.records:
            values += [record.heading, record.state_text, *record.remarks]
            values += [text for one in record.values for text in (one.label, one.text)]
    said = [document.title, *document.intro, *document.answer, *document.pending]
    return [*said, *document.dispute, *document.notes, *values]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_record_is_said_in_words(state: str, language: Language) -> None:
    account = with_record(
        state=state,
        file_name=None if state == "WITHHELD" else "F1.txt",
        sent_at=None if state in ("WITHHELD", "BUILT") else datetime(2026, 6, 10),
        feedback_code="BLE011" if state == "REJECTED" else None,
        rule_ids="H02" if state == "WITHHELD" else None,
    )
    document = document_of(statement(account), language)
    (record,) = document.details[0].records
    assert record.state == state
    assert record.state_text != state
    assert bool(CHINESE.search(record.state_text)) is (language is Language.ZH)
    assert record.values == [] if state == "WITHHELD" else len(record.values) == 4
    if state == "REJECTED":
        assert Words(language).of_answer("BLE011") in "".join(record.remarks)
    if state == "WITHHELD":
        assert "H02" in record.remarks[0]


@pytest.mark.parametrize(
    ("state", "verdict", "begins"),
    [
        ("ACCEPTED", Standing.IN_REPORT, "Yes. Your credit report holds information from us"),
        ("RELEASED", Standing.SENT, "We have sent information about you"),
        ("BUILT", Standing.PREPARED, "Not yet. Information about you is prepared, but not sent."),
        ("REJECTED", Standing.REJECTED, "No. We sent information about you, and the bureau rej"),
    ],
)
def test_the_verdict_comes_first_and_is_that_of_the_record(
    state: str, verdict: str, begins: str
) -> None:
    account = with_record(state=state)
    if state == "REJECTED":  # else reportable, and to be sent again
        row = ROW | {"is_reportable": False, "reason_code": "AUTHORIZATION_WITHDRAWN"}
        account = replace(account, row=row)
    document = document_of(statement(account), Language.EN)
    assert document.verdict == verdict
    assert document.answer[0].startswith(begins)
    text = render(document, Form.TEXT)
    assert text.index(document.answer[0]) < text.index(document.accounts[0].lines[0])


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("code", [code for code in reasons() if code != "REPORTED"])
def test_who_is_not_reported_hears_why_and_what_would_change_it(
    code: str, language: Language
) -> None:
    row = ROW | {"reason_code": code, "is_reportable": False}
    document = document_of(statement(replace(ACCOUNT, row=row, records=[])), language)
    assert document.verdict == "NOT_REPORTED"
    assert Words(language).of_reason(code) in document.accounts[0].lines[1]


def test_a_month_that_a_later_run_sent_is_not_called_unreported() -> None:
    row = ROW | {"reason_code": "NOTICE_PENDING", "is_reportable": False}
    document = document_of(statement(replace(ACCOUNT, row=row)), Language.EN)
    said = "\n".join(document.accounts[0].lines)
    assert "May 2026 was not reported in time; it was sent on 10 June 2026." in said
    assert "is not reported" not in said


def test_a_person_whose_account_is_withheld_hears_that_the_rest_was_sent() -> None:
    account = with_record(state="WITHHELD", file_name=None, rule_ids="H02")
    person = replace(RECORD, record_type="110", account_id=None, values={}, report_date_code="10")
    document = document_of(statement(account, person_records=[person]), Language.EN)
    assert document.answer[0].startswith("In part. Your credit report holds from us, since May")
    assert "basic information of the person" in document.answer[0]


def test_a_record_sent_at_a_second_try_says_so() -> None:
    account = with_record(before=[("REJECTED", "ABR006"), ("WITHHELD", None)])
    document = document_of(statement(account), Language.EN)
    assert "May 2026: held back or rejected at first, sent again since." in aloud(document)
    (record,) = document.details[0].records
    assert "was rejected (the record does not fit what the bureau holds)" in record.remarks[1]
    assert "was held back" in record.remarks[2]


def test_what_is_pending_is_said_with_its_cause_and_its_months() -> None:
    months = [date(2026, 3, 1), date(2026, 4, 1)]
    pending = [Pending("A1", month, "WITHHELD") for month in months]
    held = [
        replace(RECORD, state="WITHHELD", report_date=day, rule_ids="H02")
        for day in (date(2026, 3, 31), date(2026, 4, 30))
    ]
    wrong = QuarantinedRow("A1", "bills", "B1", None, "", ["DUE_BEFORE_STATEMENT"])
    account = replace(ACCOUNT, records=held, pending=pending, quarantined=[wrong])
    document = document_of(statement(account), Language.ZH)
    assert document.verdict == "HELD"
    assert document.pending == ["A1，2026年3月、2026年4月：等待数据更正（规则H02）。"]  # noqa: RUF001
    assert "我们正在核查有关账单的数据" in aloud(document)
    assert "到期日早于" not in aloud(document)  # the fault itself is read out on request
    assert document.details[0].remarks[0].startswith("正在核查的账单数据")


@pytest.mark.parametrize("cause", ["NOTICE_PENDING", "WITHHELD", "REJECTED", "IDENTITY_INVALID"])
def test_a_cause_is_never_a_code(cause: str) -> None:
    pending = [Pending("A1", date(2026, 5, 1), cause)]
    account = replace(ACCOUNT, records=[], pending=pending)
    for language in Language:
        (line,) = document_of(statement(account), language).pending
        assert cause not in line
        assert ".." not in line


def test_overdue_months_are_named_and_many_are_counted() -> None:
    days = [date(2026, month, 28) for month in range(1, 10)]
    records = [replace(RECORD, report_date=day) for day in days]
    few = document_of(statement(replace(ACCOUNT, records=records[:2])), Language.EN)
    many = document_of(statement(replace(ACCOUNT, records=records)), Language.EN)
    named = "January 2026 (overdue 31-60 days), February 2026 (overdue 31-60 days)"
    assert f"Reported as overdue: {named}." in aloud(few)
    assert "Reported as overdue: 9 months, the newest September 2026 (" in aloud(many)
    built = document_of(statement(with_record(state="BUILT")), Language.EN)
    assert "To be reported as overdue: May 2026 (overdue 31-60 days)." in aloud(built)
    assert "Reported as overdue" not in aloud(built)


def test_accounts_that_stand_alike_are_said_once() -> None:
    quiet = with_record(values={"rpy_status": "N", "acct_bal": 1, "tot_overd": 0})
    twin = replace(quiet, account_id="A2")
    overdue = replace(ACCOUNT, account_id="A3")
    document = document_of(statement(quiet, twin, overdue), Language.ZH)
    assert [one.account_ids for one in document.accounts] == [["A1", "A2"], ["A3"]]
    assert document.accounts[0].heading == "花呗，2个账户（A1、A2）"  # noqa: RUF001


def test_accounts_that_were_reported_first_in_other_months_are_said_apart() -> None:
    before = replace(RECORD, account_id="A2", report_date=date(2025, 6, 30))
    older = replace(ACCOUNT, account_id="A2", records=[before, replace(RECORD, account_id="A2")])
    document = document_of(statement(ACCOUNT, older), Language.EN)
    since = {one.account_ids[0]: one.lines[0] for one in document.accounts}
    assert "since May 2026" in since["A1"] and "since June 2025" in since["A2"]


def test_what_the_bureau_has_taken_is_told_from_what_it_has_not_answered() -> None:
    newer = replace(RECORD, state="RELEASED", report_date=date(2026, 6, 30))
    account = replace(ACCOUNT, records=[RECORD, newer])
    said = aloud(document_of(statement(account), Language.EN))
    assert "Newest record that the bureau has taken (31 May 2026)" in said


def test_one_account_is_read_out_within_a_minute() -> None:
    """240 Chinese characters or 150 English words a minute; a run of figures is one."""
    row = ROW | {"notice_delivered_at": datetime(2026, 6, 1)}
    account = replace(
        with_record(before=[("REJECTED", "ABR006")]),
        row=row,
        pending=[Pending("A1", date(2026, 4, 1), "NOTICE_PENDING")],
    )
    chinese = aloud(document_of(statement(account), Language.ZH))
    assert len(re.findall("[\u4e00-\u9fff]|[0-9A-Za-z]+", chinese)) <= 240
    assert len(aloud(document_of(statement(account), Language.EN)).split()) <= 150


@pytest.mark.parametrize("language", list(Language))
def test_text_page_and_json_say_the_same(language: Language) -> None:
    person = replace(RECORD, record_type="110", segments=["B", "FCS"], values={}, account_id=None)
    account = replace(ACCOUNT, pending=[Pending("A1", date(2026, 4, 1), "REJECTED")])
    document = document_of(statement(account, person_records=[person]), language)
    text, page = render(document, Form.TEXT), render(document, Form.HTML)
    seen = html.unescape(re.sub("<[^>]+>", "", page))
    known = json.loads(render(document, Form.JSON))
    assert known["verdict"] == document.verdict
    assert known["details"][0]["records"][0]["state"] == "ACCEPTED"
    assert len(every_text(document)) > 20
    for one in every_text(document):
        assert one in text
        assert one in seen
        assert json.dumps(one, ensure_ascii=False) in render(document, Form.JSON)


def test_the_page_loads_nothing_runs_nothing_and_escapes_what_it_shows() -> None:
    evil = '<script>alert("1")</script>{{ 7 * 7 }}'
    account = replace(with_record(file_name=evil), account_id=evil, product_code=evil)
    page = render(document_of(statement(account, customer_id=evil), Language.ZH), Form.HTML)
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"https?:|url\(|src=|@import", page)
    assert "size: A4" in page


TABLES = """
    create schema marts;
    create table marts.built_months as
        select date '2026-05-01' as report_month, timestamp '2026-06-03' as as_of,
            'run' as run_id, null as built_on;
    create table marts.reportable_population as from (values
        ('A1', 'C1'), ('AHANDED', 'C1')) as population(account_id, customer_id);
    alter table marts.reportable_population add column report_month date default '2026-05-01';
    alter table marts.reportable_population add column product_code varchar default 'HUABEI';
    alter table marts.reportable_population add column reporter_code varchar default 'R1';
    alter table marts.reportable_population add column is_reportable boolean default true;
    create table marts.repayment_status as from (values
        ('A1', '1', 1, 1.00, date '2026-05-10')) as status(account_id, repayment_status,
        days_past_due, overdue_total, oldest_unpaid_due_on);
    alter table marts.repayment_status add column report_month date default '2026-05-01';
    alter table marts.repayment_status add column report_date date default '2026-05-31';
    create table marts.pending_now (
        account_id varchar, pending_month date, held_back_by varchar);
    create table marts.quarantined_rows (
        account_id varchar, customer_id varchar, table_name varchar, row_key varchar,
        source_file varchar, rule_id varchar, reason varchar, first_seen timestamp,
        last_seen timestamp);
    create table marts.submission_records as from (values
        ('210', 'A1', 'A1', 'C1', 'AG1'), ('210', 'AHANDED', 'AHANDED', 'C2', 'AG2'),
        ('210', 'AGONE', 'AGONE', 'C1', 'AG3'), ('210', 'AOLD', 'AOLD', null, 'AG4'),
        ('110', 'C1', null, null, null), ('110', 'C2', null, null, null),
        ('220', 'AG1', null, null, 'AG1'), ('220', 'AG2', null, null, 'AG2'))
        as records(record_type, subject_id, account_id, customer_id, agreement_id);
"""
SAME = {
    "reporter_code varchar": "R1",
    "product_code varchar": "HUABEI",
    "state varchar": "ACCEPTED",
    "file_name varchar": "F.txt",
    "report_date date": "2026-05-31",
    "report_date_code varchar": "30",
    "segment_hashes varchar": '{"B":"1"}',
    "report_month date": "2026-05-01",
    "as_of timestamp": "2026-06-03",
    "released_at timestamp": "2026-06-10",
}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    """A published database with a few rows, which statement and why read."""
    connection = duckdb.connect()
    connection.execute(TABLES)
    for column, value in SAME.items():
        connection.execute(
            f"alter table marts.submission_records add column {column} default '{value}'"
        )
    for column in ("feedback_code", "rule_ids"):
        connection.execute(f"alter table marts.submission_records add column {column} varchar")
    for module in (facts, answer):
        monkeypatch.setattr(module, "open_published", lambda _: connection.cursor())
    return connection


@pytest.mark.usefixtures("tables")
def test_a_record_about_another_customer_is_never_shown() -> None:
    """AHANDED is C1's now, and what was sent of it named C2; AGONE is in no data of the month."""
    one = facts.statement_of("A1", None, Settings())
    assert one.customer_id == "C1"
    assert {account.account_id: len(account.records) for account in one.accounts} == {
        "A1": 1,
        "AGONE": 1,
        "AHANDED": 0,
    }
    assert [record.subject_id for record in one.person_records] == ["C1"]
    assert [record.subject_id for record in one.agreement_records] == ["AG1"]
    assert facts.statement_of("AGONE", None, Settings()).accounts == one.accounts
    old = facts.statement_of("AOLD", None, Settings())  # no record names its customer
    assert [(account.account_id, len(account.records)) for account in old.accounts] == [("AOLD", 1)]
    assert old.person_records == []


def test_what_was_accepted_stays_beside_a_later_attempt_that_was_withheld(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    tables.execute(
        "insert into marts.submission_records by name "
        "select * replace ('WITHHELD' as state, null as file_name, 'H13' as rule_ids, "
        "timestamp '2026-06-12' as as_of) "
        "from marts.submission_records where record_type = '220' and subject_id = 'AG1'"
    )
    one = facts.statement_of("A1", None, Settings())
    assert [(record.state, record.before) for record in one.agreement_records] == [
        ("ACCEPTED", []),
        ("WITHHELD", []),
    ]


def test_an_id_of_two_persons_is_refused_until_one_is_chosen(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    """Account C1 is of customer C9, and customer C1 has other accounts."""
    tables.execute(
        "insert into marts.reportable_population by name "
        "select 'C1' as account_id, 'C9' as customer_id"
    )
    settings = Settings()
    for answered in (facts.statement_of, answer.explain, answer.as_values, answer.accounts_of):
        with pytest.raises(BadCall, match="give customer:C1 or account:C1"):
            answered("C1", None, settings)
    customer = facts.statement_of("customer:C1", None, settings)
    account = facts.statement_of("account:C1", None, settings)
    assert (customer.customer_id, account.customer_id) == ("C1", "C9")
    assert {one.account_id for one in customer.accounts} == {"A1", "AGONE", "AHANDED"}
    assert [one.account_id for one in account.accounts] == ["C1"]
    assert [one.subject_id for one in customer.person_records] == ["C1"]
    assert account.person_records == []
    assert answer.accounts_of("customer:C1", None, settings)[0] == ["A1", "AHANDED"]
    assert answer.accounts_of("account:C1", None, settings)[0] == ["C1"]


def test_an_account_with_the_id_of_its_own_customer_is_no_question(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    tables.execute(
        "insert into marts.reportable_population by name "
        "select 'C1' as account_id, 'C1' as customer_id"
    )
    one = facts.statement_of("C1", None, Settings())
    assert {account.account_id for account in one.accounts} == {"A1", "AGONE", "AHANDED", "C1"}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("ACCEPTED", "Yes. Your credit report holds information from us"),
        ("RELEASED", "How you repay is sent, too; the bureau has not answered yet."),
        ("BUILT", "How you repay is prepared, but not sent."),
        ("WITHHELD", "How you repay is to be reported, but it is held back; the reason is below."),
    ],
)
@pytest.mark.parametrize("language", list(Language))
def test_who_is_known_to_the_bureau_hears_how_far_the_account_is(
    state: str, said: str, language: Language
) -> None:
    person = replace(RECORD, record_type="110", account_id=None, values={}, report_date_code="10")
    document = document_of(statement(with_record(state=state), person_records=[person]), language)
    assert document.verdict == "IN_REPORT"
    if language is Language.EN:
        assert "not reported" not in aloud(document)
        assert said in "\n".join(document.answer)


def test_who_withdrew_is_not_reported_though_records_were_withheld_before() -> None:
    row = ROW | {"reason_code": "AUTHORIZATION_WITHDRAWN", "is_reportable": False}
    withheld = replace(RECORD, state="WITHHELD", file_name=None, rule_ids="H02")
    person = replace(withheld, record_type="110", account_id=None, values={})
    agreement = replace(withheld, record_type="220", account_id=None, values={})
    account = replace(ACCOUNT, row=row, records=[withheld])
    others = {"person_records": [person], "agreement_records": [agreement]}
    document = document_of(statement(account, **others), Language.EN)
    assert (document.verdict, document.accounts[0].standing) == ("NOT_REPORTED", "NOT_REPORTED")
    assert "to be reported" not in aloud(document)
    reportable = replace(account, row=ROW)
    assert document_of(statement(reportable, **others), Language.EN).verdict == "HELD"


@pytest.mark.parametrize("one", sentences().values(), ids=lambda one: str(one.name))
def test_every_sentence_stands_in_both_languages(one: object) -> None:
    places = re.compile(r"\{\w+\}")
    english, chinese = one.en, one.zh  # type: ignore[attr-defined]  # a Sentence
    assert sorted(places.findall(english)) == sorted(places.findall(chinese))
    assert not CHINESE.search(english)
    without = places.sub("", chinese)
    assert CHINESE.search(chinese) or not re.search("[A-Za-z]", without)


def test_every_element_that_the_journal_keeps_has_a_name_and_a_form() -> None:
    kinds = {row["kind"] for row in seed_rows("code_words")} | {"five_tier_class"}
    assert {one.form for one in record_fields()} <= kinds | FORMS
    assert all(CHINESE.search(one.zh) and not CHINESE.search(one.en) for one in record_fields())
    kept = {
        column
        for record_type in VALUES_KEPT
        for column in re.findall(r" end as (\w+), ", layouts()[record_type].values())
    }
    assert kept == {one.column for one in record_fields()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["C1", "--html", "--json"], "give --html or --json, not both"),
        (["C1", "--lang", "fr"], "'fr' is not one of 'zh', 'en'"),
    ],
)
def test_a_wrong_call_is_one_of_exit_2(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["statement", *words])
    assert said in f"{done.output}{done.exception}"
    assert done.exit_code == 2 or getattr(done.exception, "exit_code", 0) == 2
