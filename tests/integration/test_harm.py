"""What would report the wrong person, a person without consent, or a payer as late.

Each story is one account (or two that share a key) of one small lender; the month shows what left.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook, resident_id
from support.lender_months import Lender, build, settings_in
from support.people import person

from reporting.statement.compose import document_of
from reporting.statement.facts import statement_of
from reporting.statement.language import Language
from reporting.why.answer import explain

OTHER_REPORTER = "N101W1100H0025"
WITHDRAWN_AT = datetime(2026, 4, 9, 10)
MAY = datetime(2026, 5, 6, 10)

# A withdrawal as some system wrote it; nobody of them may be in a file of that month.
WITHDRAWALS: dict[str, dict[str, Any]] = {
    "RIGHT": {},
    "DOCLOWER": {"document_code": "credit_reporting_authorization"},
    "DOCOLD": {"document_code": "PERSONAL_CREDIT_QUERY_AUTHORIZATION"},
    "DOCNONE": {"document_code": None},
    "CAPITALS": {"action": "WITHDRAWN"},
    "NOACTION": {"action": None},
    "REVOKED": {"action": "revoked"},
    "REPLOWER": {"reporter_code": "n101w1100h0017"},
    "REPOTHER": {"reporter_code": "N101W1100H9999"},
    "REPNONE": {"reporter_code": None},
    "NOPRODUCT": {"product_code": None},
    "NOTIME": {"occurred_at": None},
    "FAROFF": {"occurred_at": datetime(2206, 4, 9, 10)},
    "CASEID": {"customer_id": "ccaseid"},
    "NOKEY": {"consent_event_id": None},
    "NOTRECORDED": {"recorded_at": None},
}
# What is no withdrawal of this authorization.
OTHERS: dict[str, dict[str, Any]] = {
    "SIGNEDCAPS": {"action": "SIGNED"},
    "ZHIMA": {"document_code": "ZHIMA_SERVICE_AGREEMENT"},
    "OTHERPRODUCT": {"product_code": "JIEBEI", "action": "WITHDRAWN"},
    "OTHERREPORTER": {"reporter_code": OTHER_REPORTER, "action": "WITHDRAWN"},
}


def add_withdrawals(book: RawBook) -> None:
    for name, odd in (WITHDRAWALS | OTHERS).items():
        person(book, name)
        event = book.consent(f"C{name}", "HUABEI", WITHDRAWN_AT, action="withdrawn")
        event.update(odd)
    person(book, "UNSAID")  # what was a withdrawal is now a signature that cannot be read
    event = book.consent("CUNSAID", "HUABEI", WITHDRAWN_AT, action="withdrawn")
    later = {"action": "signed", "channel": None, "recorded_at": datetime(2026, 4, 20)}
    book.add("consents", **event | later)


def add_shared_keys(book: RawBook) -> None:
    """Two accounts each whose rows share a key, the second recorded later."""
    for one, other in (("ONE", "OTHER"), ("BILLONE", "BILLOTHER"), ("SIGNONE", "SIGNOTHER")):
        person(book, one)
        person(book, other)
    for name, day in (("ONE", 11), ("OTHER", 12)):
        paid = {"transaction_id": "TSHARED"}
        book.transaction(f"A{name}", "repayment", datetime(2026, 4, day), 5, **paid)
    for name, day in (("BILLONE", 11), ("BILLOTHER", 12)):
        book.bill(f"A{name}", date(2026, 4, day), date(2026, 4, 28), 5, bill_id="BSHARED")
    for name, day in (("SIGNONE", 11), ("SIGNOTHER", 12)):
        book.consent(f"C{name}", "HUABEI", datetime(2026, 4, day), consent_event_id="ESHARED")


def add_moved_messages(book: RawBook) -> None:
    """A notice and a dispute whose newer version is another account's."""
    for name in ("TOLDONE", "TOLDOTHER", "HEARDONE", "HEARDOTHER"):
        person(book, name)
    for day, name in enumerate(("ONE", "OTHER"), 11):
        sent = datetime(2026, 4, day)
        book.notice(f"ATOLD{name}", date(2026, 4, 1), sent, notice_id="NSHARED")
        claim = {"dispute_id": "DSHARED", "account_id": f"AHEARD{name}", "claim": "not mine"}
        book.add("disputes", sent, received_on=date(2026, 4, 9), **claim)
    person(book, "MUTE")  # a dispute that does not say what is disputed
    mute = {"dispute_id": "DMUTE", "account_id": "AMUTE", "claim": None}
    book.add("disputes", datetime(2026, 4, 9), received_on=date(2026, 4, 9), **mute)


def add_people(book: RawBook) -> None:
    """Customer ids of two people, and of one whose facts were corrected."""
    later = {"recorded_at": datetime(2026, 4, 20)}
    born = date(1991, 2, 2)
    for name in ("MERGED", "RENAMED", "RENUMBERED", "HANDED"):
        person(book, name)
    first = next(row for row in book.tables["accounts"] if row["account_id"] == "AHANDED")
    book.add("accounts", **first | {"customer_id": "CRENAMED"} | later)
    book.customer("CMERGED", born, id_number=resident_id(born, "1", 5), name="另一人", **later)
    first = next(row for row in book.tables["customers"] if row["customer_id"] == "CRENAMED")
    book.add("customers", **first | {"name": "改名"} | later)
    number = resident_id(date(1990, 1, 1), "1", 77)
    first = next(row for row in book.tables["customers"] if row["customer_id"] == "CRENUMBERED")
    book.add("customers", **first | {"id_number": number} | later)


def add_run_off(book: RawBook) -> None:
    for name in ("EARLY", "RUNOFF", "AGAIN", "INSTANT"):
        person(book, name)
    book.consent("CEARLY", "HUABEI", WITHDRAWN_AT, action="withdrawn")  # before the first month
    for name in ("RUNOFF", "AGAIN", "INSTANT"):
        book.consent(f"C{name}", "HUABEI", datetime(2026, 5, 2), action="withdrawn")
    book.consent("CAGAIN", "HUABEI", MAY)
    book.consent("CAGAIN", "HUABEI", MAY.replace(day=7), action="withdrawn")
    book.consent("CINSTANT", "HUABEI", MAY)
    book.consent("CINSTANT", "HUABEI", MAY, action="withdrawn")
    person(book, "LEARNT")  # of the withdrawal, only when April was sent
    event = book.consent("CLEARNT", "HUABEI", WITHDRAWN_AT, action="withdrawn")
    event["recorded_at"] = datetime(2026, 5, 20)


def add_payments(book: RawBook) -> None:
    """Late payers, of whom some have paid by a row that waits in quarantine."""
    paid = {
        "LATE": None,
        "PAYCASE": "apaycase",
        "PAYBLANK": "A PAYBLANK",
        "PAYZERO": "00APAYZERO",
        "PAYQUOTE": "'APAYQUOTE",
        "PAYUNSEEN": "APAYUNSEEN\u200b",
        "PAYFLOAT": "APAYFLOAT.0",
        "PAYDRAW": "GPAYDRAW",
        "PAYFAROFF": "APAYFAROFF",
        "PAYNOTHING": "APAYNOTHING",
    }
    for name, account_id in paid.items():
        person(book, name)
        book.bill(f"A{name}", date(2026, 3, 25), date(2026, 4, 5), 300)
        if account_id:
            amount = 0 if name == "PAYNOTHING" else 300
            year = 2206 if name == "PAYFAROFF" else 2026
            recorded = {"recorded_at": datetime(2026, 4, 5)}
            book.transaction(account_id, "repayment", datetime(year, 4, 4), amount, **recorded)
    draw = next(row for row in book.tables["accounts"] if row["account_id"] == "APAYDRAW")
    draw["parent_account_id"] = "GPAYDRAW"


def add_odd_dates(book: RawBook) -> None:
    """An account that never closes or matures, and a bill that is due in a century."""
    person(book, "FOREVER")
    first = next(r for r in book.tables["accounts"] if r["account_id"] == "AFOREVER")
    first.update(closed_on=date(9999, 12, 31), matures_on=date(9999, 12, 31))
    person(book, "CENTURY")
    book.bill("ACENTURY", date(2026, 4, 10), date(2126, 4, 20), 5, bill_id="BCENTURY")


def add_changed(book: RawBook) -> None:
    """Accounts that were sent in April and are another institution's, product's in May."""
    in_may = {"recorded_at": datetime(2026, 5, 10)}
    for name in ("REPORTER", "PRODUCT"):
        person(book, name)
        first = next(r for r in book.tables["accounts"] if r["account_id"] == f"A{name}")
        changes = {"REPORTER": {"reporter_code": OTHER_REPORTER}}
        book.add("accounts", **first | changes.get(name, {"product_code": "BAITIAO"}) | in_may)
    book.consent("CREPORTER", "HUABEI", datetime(2026, 1, 5), reporter_code=OTHER_REPORTER)
    book.consent("CPRODUCT", "BAITIAO", datetime(2026, 1, 5))


TELLING = {  # what may be a person's own, delivered in place of a key or an id
    "TELEPHONE": "13812345678",
    "ABROAD": "T0086-13912345678",
    "NUMBER": "110101199001011234",
    "CARD": "6222020200112345678",
    "NAME": "张伟",
    "MAIL": "wei.zhang@example.org",
}


def add_telling_keys(book: RawBook) -> None:
    """Rows that wait in quarantine under a key that says who a person is."""
    person(book, "TELLS")
    for key in TELLING.values():
        book.transaction("ATELLS", "repayment", datetime(2026, 4, 4), 0, transaction_id=key)
        book.consent(key, "HUABEI", WITHDRAWN_AT)
    book.transaction("ATELLS", "repayment", datetime(2026, 4, 4), 0, transaction_id="2026040422001")
    book.customer("=cmd|'/c calc'!A1", date(1990, 1, 1))


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    book = RawBook()
    for number in range(200):  # so that a story is no large share of a feed
        person(book, f"N{number:03d}")
    for add in (
        add_withdrawals,
        add_shared_keys,
        add_moved_messages,
        add_people,
        add_run_off,
        add_payments,
        add_odd_dates,
        add_changed,
        add_telling_keys,
    ):
        add(book)
    settings = settings_in(tmp_path_factory.mktemp("harm"))
    write(book, Path(settings.landing))
    return build(settings, "2026-04", "2026-05")


def in_files(lender: Lender, month: str) -> set[str]:
    """The accounts and customers whose records left in files of the month, agreements too."""
    rows = lender.rows("submission_records", month)
    return {row["subject_id"] for row in rows if row["state"] == "BUILT"}


def accounts_in_files(lender: Lender, month: str) -> set[str]:
    """The accounts whose own records (210) left in files of the month."""
    rows = lender.rows("submission_records", month)
    return {row["account_id"] for row in rows if row["state"] == "BUILT"} - {None}


def verdicts(lender: Lender, month: str) -> dict[str, str]:
    rows = lender.rows("reportable_population", month)
    return {row["account_id"]: row["reason_code"] for row in rows}


def rules_of(lender: Lender, month: str, account_id: str) -> set[str]:
    rows = lender.rows("submission_records", month)
    own = [row for row in rows if row["account_id"] == account_id and row["state"] == "WITHHELD"]
    return {rule for row in own for rule in row["rule_ids"].split(", ")}


@pytest.mark.parametrize("name", [*WITHDRAWALS, "UNSAID"])
def test_what_may_be_a_withdrawal_keeps_the_person_out_of_every_file(
    lender: Lender, name: str
) -> None:
    assert not {f"A{name}", f"C{name}"} & in_files(lender, "2026-04")


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_withdrawal_of_the_account_holds_nothing(lender: Lender, name: str) -> None:
    assert {f"A{name}", f"C{name}"} <= in_files(lender, "2026-04")


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (("ONE", "OTHER"), "transactions"),
        (("BILLONE", "BILLOTHER"), "bills"),
        (("SIGNONE", "SIGNOTHER"), "consents"),
    ],
)
def test_versions_about_two_subjects_hold_both(
    lender: Lender, names: tuple[str, str], table: str
) -> None:
    for month in lender.months:
        assert not {f"A{name}" for name in names} & accounts_in_files(lender, month)
    listed = lender.query(
        "select count(*) from marts.quarantined_rows"
        " where table_name = ? and rule_id = 'KEY_CHANGES_SUBJECT'",
        table,
    )
    assert listed == [(2,)]


def test_a_notice_or_dispute_that_moves_to_another_account_holds_both(lender: Lender) -> None:
    for name in ("TOLDONE", "TOLDOTHER", "HEARDONE", "HEARDOTHER"):
        assert rules_of(lender, "2026-04", f"A{name}") >= {"H11"}
    told = str(explain("AHEARDONE", "2026-04", lender.settings))
    assert "no advance notice that it concerns is written" in told


def test_a_dispute_in_quarantine_that_stays_with_its_account_holds_nothing(lender: Lender) -> None:
    assert "AMUTE" in in_files(lender, "2026-04")
    told = str(explain("AMUTE", "2026-04", lender.settings))
    assert "row DMUTE of disputes" in told
    assert "nothing waits for it" in told


def test_two_people_never_become_one_and_a_correction_stays_one_person(lender: Lender) -> None:
    april = verdicts(lender, "2026-04")
    assert april["AMERGED"] == "IDENTITY_INVALID"
    assert april["ARENAMED"] == april["ARENUMBERED"] == "REPORTED"
    assert not {"AMERGED", "CMERGED"} & in_files(lender, "2026-04")


def test_nobody_is_reported_for_the_first_time_after_withdrawing(lender: Lender) -> None:
    for month in lender.months:
        assert verdicts(lender, month)["AEARLY"] == "AUTHORIZATION_WITHDRAWN"
    assert verdicts(lender, "2026-05")["ARUNOFF"] == "REPORTED"


def test_an_account_that_went_out_before_its_withdrawal_was_known_runs_off(lender: Lender) -> None:
    assert "ALEARNT" in in_files(lender, "2026-04")
    assert verdicts(lender, "2026-05")["ALEARNT"] == "REPORTED"
    answer = str(explain("ALEARNT", "2026-05", lender.settings))
    assert "Withdrawn 2026-04-09 10:00; the account runs off" in answer


@pytest.mark.parametrize("account_id", ["AAGAIN", "AINSTANT"])
def test_a_period_between_two_report_dates_neither_ends_nor_renews_the_run_off(
    lender: Lender, account_id: str
) -> None:
    (row,) = (
        row
        for row in lender.rows("reportable_population", "2026-05")
        if row["account_id"] == account_id
    )
    assert (row["reason_code"], row["authorized_on"]) == ("REPORTED", date(2026, 1, 5))
    assert account_id in in_files(lender, "2026-05")


def test_no_notice_goes_to_an_account_whose_payment_waits_in_quarantine(lender: Lender) -> None:
    april = verdicts(lender, "2026-04")
    signs = ["APAYQUOTE", "APAYUNSEEN", "APAYFLOAT"]
    held = ["APAYCASE", "APAYBLANK", "APAYZERO", "APAYFAROFF", "APAYNOTHING", *signs, "APAYDRAW"]
    assert {april[account_id] for account_id in ["ALATE", *held]} == {"NOTICE_PENDING"}
    due = {row["account_id"] for row in lender.rows("notices_due", "2026-04")}
    assert "ALATE" in due
    assert not due & set(held)
    for account_id in held[:-1]:  # a row of the agreement is no row of the account
        answer = str(explain(account_id, "2026-04", lender.settings))
        assert "In quarantine, so not in this ledger: row T" in answer, answer
        assert "no advance notice" in answer


@pytest.mark.parametrize("account_id", ["AREPORTER", "APRODUCT"])
def test_an_account_that_is_anothers_at_the_bureau_is_withheld_and_an_incident(
    lender: Lender, account_id: str
) -> None:
    assert account_id in in_files(lender, "2026-04")
    assert verdicts(lender, "2026-05")[account_id] == "REPORTED"
    assert "H09" in rules_of(lender, "2026-05", account_id)
    assert account_id not in in_files(lender, "2026-05"), "nor is its agreement sent"
    ((failing, owner),) = lender.query(
        "select rows_failing, owner from marts.data_quality_results"
        " where check_id = 'population.reporter_unchanged' and report_month = '2026-05-01'"
    )
    assert (failing, owner) == (2, "compliance")


def test_why_shows_the_events_of_a_person_in_quarantine_with_their_file(lender: Lender) -> None:
    for name in ("DOCLOWER", "CASEID"):
        answer = str(explain(f"A{name}", "2026-04", lender.settings))
        assert "Consent event in quarantine: row E" in answer
        assert "(file consents/" in answer
        assert "In the credit report: NO" in answer


def test_why_names_what_of_the_identity_fails_and_no_value(lender: Lender) -> None:
    answer = str(explain("AMERGED", "2026-04", lender.settings))
    assert "Faults of the identity: the rows of the customer are in quarantine." in answer
    assert "Row of the customer in quarantine: row CMERGED of customers (file customers/" in answer
    assert "for KEY_CHANGES_SUBJECT" in answer


@pytest.mark.parametrize("subject", ["AHANDED", "CHANDED"])
def test_why_finds_a_person_whose_only_account_waits_in_quarantine(
    lender: Lender, subject: str
) -> None:
    answer = str(explain(subject, "2026-04", lender.settings))
    assert "row AHANDED of accounts" in answer
    assert "is in quarantine for KEY_CHANGES_SUBJECT" in answer


@pytest.mark.parametrize("subject", ["AHANDED", "CHANDED"])
def test_a_statement_says_that_the_data_of_such_a_person_are_checked(
    lender: Lender, subject: str
) -> None:
    document = document_of(statement_of(subject, "2026-04", lender.settings), Language.EN)
    assert document.verdict == "NOT_REPORTED"
    assert "We are checking our data of this kind: account." in document.pending[0]


def test_why_names_the_day_of_the_withdrawal(lender: Lender) -> None:
    answer = str(explain("ARUNOFF", "2026-05", lender.settings))
    assert "Withdrawn 2026-05-02 00:00; the account runs off" in answer


def test_a_date_after_2099_means_none_where_it_may_and_waits_in_quarantine_elsewhere(
    lender: Lender,
) -> None:
    april = verdicts(lender, "2026-04")
    assert april["AFOREVER"] == april["ACENTURY"] == "REPORTED"
    assert "AFOREVER" in accounts_in_files(lender, "2026-04")
    assert rules_of(lender, "2026-04", "ACENTURY") >= {"H01"}
    listed = lender.query("select rule_id from marts.quarantined_rows where row_key = 'BCENTURY'")
    assert set(listed) == {("DATE_OUT_OF_RANGE",)}


def test_a_key_that_says_who_a_person_is_is_published_as_a_hash_alone(lender: Lender) -> None:
    rows = lender.query(
        "select distinct row_key from marts.quarantined_rows "
        "where table_name = 'transactions' and account_id = 'ATELLS'"
    )
    shown = {key for (key,) in rows}
    assert {key for key in shown if not key.startswith("hidden:")} == {"2026040422001"}
    assert len(shown) == 1 + len(TELLING)
    published = lender.query("select cast(rows as varchar) from marts.quarantined_rows as rows")
    assert not [text for (text,) in published for value in TELLING.values() if value in text]
    assert ("CUSTOMER_ID_MALFORMED",) in lender.query(
        "select rule_id from marts.quarantined_rows where row_key like '=cmd%'"
    )
