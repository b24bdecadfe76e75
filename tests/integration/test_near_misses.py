"""Rows that are nearly right: in another spelling, or recorded at a moment that cannot be.

Each story is one customer with one account; what may be about them holds their records. Who was
sent before stays owed until what is in quarantine is corrected.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook, Row, resident_id
from oracle.staging import stage
from support.lender_months import Lender, build, settings_in
from support.people import person

from reporting.cli.months import overview
from reporting.why.answer import explain

pytestmark = pytest.mark.nightly  # shorter tests hold parts of it

WITHDRAWN_AT = datetime(2026, 4, 9, 10)
PAID_AT = datetime(2026, 4, 12, 10)
IN_MAY, IN_JUNE = datetime(2026, 5, 10), datetime(2026, 6, 10)

# An id, and how a withdrawal or a payment writes it.
SPELLINGS = {
    "ZEROWIDTH": "CZEROWIDTH\u200b",
    "BYTEMARK": "\ufeffCBYTEMARK",
    "FULLWIDTH": "\uff23\uff26\uff35\uff2c\uff2c\uff37\uff29\uff24\uff34\uff28",
    "BLANK": "C BLANK",
    "HYPHEN": "C-HYPHEN",
    "QUOTE": "'CQUOTE",
}
NUMBERS = {
    "900001": "900001.0",
    "0090002": "90002",
    "900003": "0900003",
    "900005": "\uff19\uff10\uff10\uff10\uff10\uff15",
    "900006": "\uff19\uff10\uff10\uff10\uff10\uff16\uff0e\uff10",
    "900000000000007": "9.00000000000007E+14",
    "900008": "9.00008E5",
}
# A withdrawal that cannot be as it is written.
WITHDRAWALS: dict[str, dict[str, Any]] = {
    "AHEAD": {"occurred_at": datetime(2062, 4, 9, 10)},
    "NEXTDAY": {"occurred_at": datetime(2026, 4, 10), "recorded_at": datetime(2026, 4, 9, 23)},
    "REC2206": {"recorded_at": datetime(2206, 4, 9, 10)},
    "REC9999": {"recorded_at": datetime(9999, 12, 31)},
    "REC1900": {"recorded_at": datetime(1900, 1, 1)},
    "LATEROW": {"customer_id": "claterow"},
}
RECORDED_NEVER = {"recorded_at": datetime(9999, 12, 31)}
RULES = {  # what holds the account, and what of it is in quarantine
    "PAYNEVER": "H02",
    "UNDONE": "H02",
    "UNDONEFULL": "H02",
    "BILLFULL": "H01",
    "LIMITFULL": "H03",
    "LIMITNEVER": "H03",
    "CLOSING": "H12",
    "CLOSINGFULL": "H12",
    "IDENTITY": "H12",
}


def of_number(book: RawBook, id_: str, column: str) -> None:
    """A person whose customer or account id is a number."""
    person(book, id_)
    for rows in book.tables.values():
        for row in rows:
            if row.get(column, "")[1:] == id_:
                row[column] = id_


def of_account(text: str) -> str:
    """Another number of the same form, so that no account and customer share one."""
    return text.translate(str.maketrans("9\uff19", "8\uff18"))


def last(book: RawBook, table: str, **values: Any) -> Row:
    return next(row for row in reversed(book.tables[table]) if values.items() <= row.items())


def full(text: str) -> str:
    """In full width."""
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


def add_withdrawals(book: RawBook) -> None:
    withdrawal = {"action": "withdrawn"}
    for name, written in SPELLINGS.items():
        person(book, name)
        book.consent(written, "HUABEI", WITHDRAWN_AT, **withdrawal)
    for number, written in NUMBERS.items():
        of_number(book, number, "customer_id")
        book.consent(written, "HUABEI", WITHDRAWN_AT, **withdrawal)
    for name, odd in WITHDRAWALS.items():
        person(book, name)
        event = book.consent(f"C{name}", "HUABEI", WITHDRAWN_AT, **withdrawal)
        event.update(recorded_at=datetime(2026, 4, 9, 11))
        event.update(odd)
    row = last(book, "customers", customer_id="CLATEROW")
    book.add("customers", **row | {"customer_id": "claterow", "recorded_at": datetime(2026, 8, 1)})
    person(book, "CORRECTED")
    event = book.consent("CCORRECTED", "HUABEI", WITHDRAWN_AT, **withdrawal)
    later = {"occurred_at": datetime(2062, 4, 9), "recorded_at": datetime(2026, 4, 20)}
    book.add("consents", **event | later)
    for name in ("TWIN", "twin"):  # an id that is known means nobody else
        person(book, name)
    book.consent("CTWIN", "HUABEI", WITHDRAWN_AT, **withdrawal, channel=None)


def add_rows_of_accounts(book: RawBook) -> None:
    for number, written in NUMBERS.items():
        of_number(book, of_account(number), "account_id")
        book.transaction(of_account(written), "repayment", PAID_AT, 5)
    for name in RULES:
        person(book, name)
    book.transaction("APAYNEVER", "repayment", PAID_AT, 5, **RECORDED_NEVER)
    undone = last(book, "transactions", account_id="AUNDONE", transaction_type="repayment")
    book.transaction(
        "AUNDONE",
        "reversal",
        datetime(2026, 4, 20),
        100,
        reverses_transaction_id=undone["transaction_id"],
        **RECORDED_NEVER,
    )
    undone = last(book, "transactions", account_id="AUNDONEFULL", transaction_type="repayment")
    book.transaction(
        full("AUNDONEFULL"),
        "reversal",
        datetime(2026, 4, 20),
        100,
        reverses_transaction_id=full(undone["transaction_id"]),
    )
    book.bill(full("ABILLFULL"), date(2026, 4, 11), date(2026, 4, 25), 90)
    decrease = {"change_reason": "decrease"}
    book.limit(full("ALIMITFULL"), date(2026, 4, 8), 4000, **decrease)
    book.limit("ALIMITNEVER", date(2026, 4, 8), 4000, **decrease | RECORDED_NEVER)
    closed = {"closed_on": date(2026, 4, 25), "closure_kind": "settled"}
    for name, odd in {
        "CLOSING": RECORDED_NEVER,
        "CLOSINGFULL": {
            "account_id": full("ACLOSINGFULL"),
            "recorded_at": datetime(2026, 4, 25, 20),
        },
    }.items():
        row = last(book, "accounts", account_id=f"A{name}")
        book.add("accounts", **row | closed | odd)
    row = last(book, "customers", customer_id="CIDENTITY")
    book.add("customers", **row | {"name": "另一人"} | RECORDED_NEVER)


def add_agreements(book: RawBook) -> None:
    """One agreement of two customers, an account that is another's agreement, and one's own."""
    for name in ("SHAREDONE", "SHAREDOTHER", "UNDERONE", "UNDEROTHER", "OWNONE"):
        person(book, name)
    for name in ("SHAREDONE", "SHAREDOTHER"):
        last(book, "accounts", account_id=f"A{name}")["parent_account_id"] = "GSHARED"
    last(book, "accounts", account_id="AUNDEROTHER")["parent_account_id"] = "AUNDERONE"
    draw = {"parent_account_id": "AOWNONE"}
    book.account("AOWNOTHER", "COWNONE", "HUABEI", date(2026, 1, 6), **draw)


def add_sent_before(book: RawBook) -> None:
    """People whose rows are spoilt in May, after April was sent, and corrected in June."""
    for name in ("SENTFIRST", "HEALED", "WRONGNUMBER", "REJECTED", "JOINEDONE", "JOINEDOTHER"):
        person(book, name)
    row = last(book, "customers", customer_id="CHEALED")
    book.add("customers", **row | {"sex": "M", "recorded_at": IN_MAY})
    book.add("customers", **row | {"recorded_at": IN_JUNE})
    book.consent("'CSENTFIRST", "HUABEI", IN_MAY, action="withdrawn")
    row = last(book, "customers", customer_id="CWRONGNUMBER")
    wrong = row["id_number"][:-1] + ("1" if row["id_number"][-1] != "1" else "2")
    book.add("customers", **row | {"id_number": wrong, "recorded_at": IN_MAY})
    row = last(book, "accounts", account_id="AREJECTED")
    book.add("accounts", **row | {"closure_kind": "unknown", "recorded_at": IN_MAY})
    row = last(book, "accounts", account_id="AJOINEDOTHER")
    book.add("accounts", **row | {"parent_account_id": "AJOINEDONE", "recorded_at": IN_MAY})
    book.add("accounts", **row | {"recorded_at": IN_JUNE})


def add_unfit(book: RawBook) -> None:
    for name in ("NONAME", "ACCENTS", "NOPASSPORT", "UNSIGNED"):
        person(book, name)
    last(book, "customers", customer_id="CNONAME")["name"] = "#N/A"
    last(book, "customers", customer_id="CACCENTS")["name"] = "Þórður Ñúñez"
    last(book, "customers", customer_id="CNOPASSPORT").update(id_type="2", id_number="00000000")
    last(book, "consents", customer_id="CUNSIGNED")["channel"] = None


def near_misses() -> RawBook:
    book = RawBook()
    for number in range(260):  # so that a story is no large share of a feed
        account = person(book, f"N{number:03d}")
        book.transaction(account, "purchase", datetime(2026, 6, 1, 9), 100)
    for add in (
        add_withdrawals,
        add_rows_of_accounts,
        add_agreements,
        add_sent_before,
        add_unfit,
    ):
        add(book)
    return book


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    folder = tmp_path_factory.mktemp("near")
    settings = settings_in(folder)
    landing = Path(settings.landing)
    write(near_misses(), landing)
    telling = RawBook()
    telling.transaction("AN000", "repayment", PAID_AT, 0, transaction_id="TTELLING")
    write(telling, folder / "aside")
    (folder / "aside/transactions/batch=2/more.parquet").rename(
        landing / f"transactions/张伟 {resident_id(date(1990, 1, 1), '1', 1)}.parquet"
    )
    return build(settings, "2026-04", "2026-05", "2026-06")


def in_files(lender: Lender, month: str) -> set[str]:
    """Accounts, customers and agreements whose records left in files of the month."""
    rows = lender.rows("submission_records", month)
    return {row["subject_id"] for row in rows if row["state"] == "BUILT"}


def rules_of(lender: Lender, month: str, account_id: str) -> set[str]:
    rows = lender.rows("submission_records", month)
    own = [row for row in rows if row["account_id"] == account_id and row["state"] == "WITHHELD"]
    return {rule for row in own for rule in row["rule_ids"].split(", ")}


def quarantined(lender: Lender, account_or_customer: str) -> set[tuple[str, str]]:
    """Table and rule of each quarantined row of an account or a customer."""
    return set(
        lender.query(
            "select table_name, rule_id from marts.quarantined_rows "
            "where ? in (account_id, customer_id)",
            account_or_customer,
        )
    )


def sent_in(lender: Lender, month: str, account_id: str) -> set[str]:
    """The report dates of an account's records in the files of a month."""
    rows = lender.rows("submission_records", month)
    return {
        str(row["report_date"])
        for row in rows
        if row["account_id"] == account_id and row["state"] == "BUILT"
    }


def owed(lender: Lender, month: str, account_id: str) -> set[tuple[str, str]]:
    rows = lender.rows("months_owed", month)
    return {
        (str(row["owed_month"]), row["held_back_by"])
        for row in rows
        if row["account_id"] == account_id
    }


def verdict(lender: Lender, month: str, account_id: str) -> str | None:
    rows = lender.rows("reportable_population", month)
    return next((row["reason_code"] for row in rows if row["account_id"] == account_id), None)


@pytest.mark.parametrize("name", [*SPELLINGS, *WITHDRAWALS, "CORRECTED", "TWIN"])
def test_a_withdrawal_that_is_nearly_right_keeps_the_person_out_of_every_file(
    lender: Lender, name: str
) -> None:
    assert verdict(lender, "2026-04", f"A{name}") == "REPORTED"
    assert rules_of(lender, "2026-04", f"A{name}") >= {"H04"}
    assert not {f"A{name}", f"C{name}"} & in_files(lender, "2026-04")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_a_spreadsheet_has_rewritten_still_names_its_customer(
    lender: Lender, number: str
) -> None:
    assert rules_of(lender, "2026-04", f"A{number}") >= {"H04"}
    assert not {f"A{number}", number} & in_files(lender, "2026-04")


def test_an_id_that_is_known_means_nobody_else(lender: Lender) -> None:
    assert {"Atwin", "Ctwin"} <= in_files(lender, "2026-04")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_a_spreadsheet_has_rewritten_still_names_its_account(
    lender: Lender, number: str
) -> None:
    assert rules_of(lender, "2026-04", of_account(number)) >= {"H02"}


@pytest.mark.parametrize("name", RULES)
def test_a_row_that_is_nearly_right_holds_what_it_is_about(lender: Lender, name: str) -> None:
    assert rules_of(lender, "2026-04", f"A{name}") >= {RULES[name]}
    assert not sent_in(lender, "2026-04", f"A{name}")


@pytest.mark.parametrize(
    ("subject", "table"),
    [
        ("CREC2206", "consents"),
        ("CREC9999", "consents"),
        ("CREC1900", "consents"),
        ("APAYNEVER", "transactions"),
        ("AUNDONE", "transactions"),
        ("ALIMITNEVER", "credit_limits"),
        ("ACLOSING", "accounts"),
        ("CIDENTITY", "customers"),
    ],
)
def test_a_moment_of_recording_that_cannot_be_is_quarantined_and_named(
    lender: Lender, subject: str, table: str
) -> None:
    assert quarantined(lender, subject) == {(table, "DATE_OUT_OF_RANGE")}
    answer = str(explain(subject, "2026-04", lender.settings))
    assert "DATE_OUT_OF_RANGE" in answer


def test_the_good_rows_are_those_of_the_independent_replay(lender: Lender) -> None:
    book = near_misses()
    for month in lender.months:
        good = stage(book.tables, lender.run(month).as_of, ["HUABEI"]).good
        counted = {row["table_name"]: row["good"] for row in lender.rows("feed_counts", month)}
        assert counted == {table: len(rows) for table, rows in good.items()}


def test_an_agreement_of_two_customers_quarantines_their_accounts_and_ones_own_does_not(
    lender: Lender,
) -> None:
    for name in ("SHAREDONE", "SHAREDOTHER", "UNDERONE", "UNDEROTHER"):
        assert ("accounts", "AGREEMENT_OF_TWO_CUSTOMERS") in quarantined(lender, f"A{name}")
        assert not {f"A{name}", f"C{name}", "GSHARED"} & in_files(lender, "2026-04")
    assert {"AOWNONE", "AOWNOTHER"} <= in_files(lender, "2026-04")


def test_an_account_waits_while_another_claims_it_as_its_agreement(lender: Lender) -> None:
    for name in ("JOINEDONE", "JOINEDOTHER"):
        assert f"A{name}" in in_files(lender, "2026-04")
        assert verdict(lender, "2026-05", f"A{name}") is None
        assert sent_in(lender, "2026-06", f"A{name}") == {"2026-05-31", "2026-06-30"}


def test_a_month_of_a_customer_in_quarantine_is_owed_and_sent_once_it_is_healed(
    lender: Lender,
) -> None:
    assert sent_in(lender, "2026-04", "AHEALED") == {"2026-04-30"}
    assert verdict(lender, "2026-05", "AHEALED") == "IDENTITY_INVALID"
    assert owed(lender, "2026-05", "AHEALED") == {("2026-05-01", "IDENTITY_INVALID")}
    assert sent_in(lender, "2026-06", "AHEALED") == {"2026-05-31", "2026-06-30"}
    assert not owed(lender, "2026-06", "AHEALED")


def test_a_month_of_a_person_whose_identity_is_wrong_is_not_owed(lender: Lender) -> None:
    assert sent_in(lender, "2026-04", "AWRONGNUMBER") == {"2026-04-30"}
    assert verdict(lender, "2026-05", "AWRONGNUMBER") == "IDENTITY_INVALID"
    assert not owed(lender, "2026-05", "AWRONGNUMBER")


def test_names_and_numbers_that_cannot_be_are_withheld(lender: Lender) -> None:
    for name in ("NONAME", "NOPASSPORT"):
        assert rules_of(lender, "2026-04", f"A{name}") >= {"V71"}
        assert not {f"A{name}", f"C{name}"} & in_files(lender, "2026-04")
    assert {"AACCENTS", "CACCENTS"} <= in_files(lender, "2026-04")


def test_a_file_name_that_says_who_a_person_is_is_published_as_a_hash_alone(
    lender: Lender,
) -> None:
    ((file,),) = lender.query(
        "select distinct source_file from marts.quarantined_rows where row_key = 'TTELLING'"
    )
    assert file.startswith("hidden:")


def test_the_overview_shows_an_account_that_is_not_in_the_data(lender: Lender) -> None:
    assert owed(lender, "2026-05", "AREJECTED") == {("2026-05-01", "ACCOUNT_NOT_IN_THE_DATA")}
    overview(lender.settings)


def test_why_says_what_of_a_person_waits_in_quarantine(lender: Lender) -> None:
    def why(subject: str, month: str = "2026-05") -> str:
        return str(explain(subject, month, lender.settings))

    healed = why("CHEALED")
    assert "Row of the customer in quarantine: row CHEALED of customers (file " in healed
    assert "SEX_UNKNOWN" in healed
    assert "no row of the customer" not in healed
    for subject in ("AREJECTED", "CREJECTED"):
        rejected = why(subject)
        assert "In the credit report: YES, since 2026-04" in rejected, rejected
        assert "row AREJECTED of accounts" in rejected
    unsigned = why("CUNSIGNED")
    assert "CHANNEL_MISSING" in unsigned
    assert "never signed the authorization for this product. That is without" in unsigned
    withdrawn = why("CSENTFIRST")
    assert "In the credit report: YES, since 2026-04" in withdrawn
    assert "no further record is written until it is delivered corrected" in withdrawn
    assert "no record of this month waits for it" in why("CUNSIGNED")
    for subject in ("CFULLWIDTH", "CREC9999", "C900000000000007".removeprefix("C")):
        assert "It may be a withdrawal" in why(subject, "2026-04")
