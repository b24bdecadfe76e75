"""Lives of accounts that the worked example does not show, in the same months of 2023."""

from datetime import date, timedelta

from .raw_rows import REPORTER, RawBook
from .worked_example import HUABEI, Row, account, bill, close, day, noon, person

OTHER_REPORTER = "N101W1100H0025"
JIEBEI = "JIEBEI"
LOAN, LOAN_AGREEMENT = "JB000001", "AG000001"
SETTLED_EARLY, SETTLED_EARLY_AGREEMENT = "JB000002", "AG000002"
ONE_MONTH = "ST000001"
LAST_DAY = "ST000002"
FIRST_DAY_IS_LAST = "ST000003"
TRANSFERRED = "ST000004"
WRITTEN_OFF = "ST000005"
REOPENED = "ST000006"
TWO_REPORTERS = ("ST000007", "ST000008")
ONE_OF_TWO = ("ST000009", "ST000010")
LIMITS_CHANGE = "ST000011"
LIFE_CHANGES = "ST000012"
TURNS_OUT_A_MINOR = "ST000013"
SHARED_AGREEMENT = "AG000003"
SILENT, AGREED = "ST000014", "ST000015"
ABSENT = "ST000016"
CLOSED_BEFORE = "ST000017"
MARRIED_TO_SILENT = "ST000018"


def loan(book: RawBook) -> None:
    """Section 6.5: 3,000 in three instalments, each paid on its day."""
    person(book, LOAN)
    draw = account(
        book,
        LOAN,
        JIEBEI,
        "03-05",
        parent_account_id=LOAN_AGREEMENT,
        applied_district="330106",
    )
    book.limit(LOAN_AGREEMENT, day("03-01"), "5000")
    book.transaction(LOAN, "cash_draw", noon("03-05"), "3000")
    for number, due in enumerate(("04-05", "05-05", "06-05"), 1):
        plan = {"period_number": number, "period_count": 3, "recorded_at": noon("03-05")}
        bill(book, LOAN, due, due, "1000", **plan)
        book.transaction(LOAN, "repayment", noon(due), "1000")
    close(book, draw, "06-05")


def settled_early(book: RawBook) -> None:
    """1,200 in six instalments; two are paid, the rest four months before its time."""
    person(book, SETTLED_EARLY)
    draw = account(book, SETTLED_EARLY, JIEBEI, "02-10", parent_account_id=SETTLED_EARLY_AGREEMENT)
    book.limit(SETTLED_EARLY_AGREEMENT, day("02-10"), "2000")
    book.transaction(SETTLED_EARLY, "cash_draw", noon("02-10"), "1200")
    for number, month in enumerate(range(3, 9), 1):
        plan = {"period_number": number, "period_count": 6, "recorded_at": noon("02-10")}
        bill(book, SETTLED_EARLY, f"0{month}-10", f"0{month}-10", "200", **plan)
    for paid_on, value in (("03-10", "200"), ("04-10", "200"), ("04-20", "800")):
        book.transaction(SETTLED_EARLY, "repayment", noon(paid_on), value)
    close(book, draw, "04-20")


def revolving(book: RawBook, account_id: str, opened: str, limit: str = "1000") -> Row:
    """A plain R1 account with its person, consent and limit."""
    person(book, account_id)
    row = account(book, account_id, HUABEI, opened)
    book.limit(account_id, day(opened), limit)
    return row


def closings(book: RawBook) -> None:
    """Opened and closed in one month; closed on the last day; opened on it; reopened."""
    row = revolving(book, ONE_MONTH, "02-06")
    book.transaction(ONE_MONTH, "purchase", noon("02-07"), "80.50")
    book.transaction(ONE_MONTH, "repayment", noon("02-20"), "80.50")
    close(book, row, "02-20")
    close(book, revolving(book, LAST_DAY, "02-01"), "04-30")
    revolving(book, FIRST_DAY_IS_LAST, "01-31")
    row = revolving(book, REOPENED, "01-10")
    close(book, row, "03-15")
    book.tables["accounts"].append(row | {"recorded_at": noon("04-20")})  # the closing was an error


def bad_ends(book: RawBook) -> None:
    """Sold while overdue; written off while overdue."""
    row = revolving(book, TRANSFERRED, "02-01")
    book.transaction(TRANSFERRED, "purchase", noon("03-10"), "700.40")
    bill(book, TRANSFERRED, "04-01", "04-10", "700.40")
    close(book, row, "04-20", "transferred")
    revolving(book, WRITTEN_OFF, "01-10")
    book.transaction(WRITTEN_OFF, "purchase", noon("01-15"), "600")
    bill(book, WRITTEN_OFF, "02-01", "02-10", "600")
    book.notice(WRITTEN_OFF, day("02-10"), noon("02-15"))
    for written_off_on, value in (("06-20", "400"), ("06-25", "200")):
        book.transaction(WRITTEN_OFF, "write_off", noon(written_off_on), value)


def institutions(book: RawBook) -> None:
    """Two people with an account at each of two institutions; one names only the first."""
    for accounts, named in ((TWO_REPORTERS, (REPORTER, OTHER_REPORTER)), (ONE_OF_TWO, (REPORTER,))):
        customer_id = person(book, accounts[0])
        for account_id, reporter in zip(accounts, (REPORTER, OTHER_REPORTER), strict=True):
            signed = "01-05" if reporter in named else None
            values = {"customer_id": customer_id, "reporter_code": reporter, "signed": signed}
            account(book, account_id, HUABEI, "01-05", **values)
            book.limit(account_id, day("01-05"), "1000")


def limits_change(book: RawBook) -> None:
    """Raised and lowered in one month, lowered in another, ended in a third."""
    revolving(book, LIMITS_CHANGE, "01-20")
    for effective, limit, reason in (
        ("03-05", "3000", "increase"),
        ("03-25", "2000", "decrease"),
        ("05-15", "1500", "decrease"),
        ("07-01", "0", "ended"),
    ):
        recorded_at = noon(effective) + timedelta(hours=1)
        book.limit(LIMITS_CHANGE, day(effective), limit, change_reason=reason,
                   recorded_at=recorded_at)  # fmt: skip


def persons_change(book: RawBook) -> None:
    """Who married and found work but names nobody, then names them, then changes the name itself.

    And a borrower whose corrected birth date makes a minor of the person who borrowed.
    """
    revolving(book, LIFE_CHANGES, "01-10")
    row = book.tables["customers"][-1]
    row |= {"marital_status": "21", "spouse_name": "", "employment_status": "11"}
    spouse = {"spouse_name": "测试配偶", "spouse_id_type": "2", "spouse_id_number": "P1234567"}
    employer = {"employer_name": "测试 <甲> & 乙 公司"}
    for recorded, change in (("03-10", spouse), ("04-20", employer), ("06-02", {"name": "测试新"})):
        row = row | change | {"recorded_at": noon(recorded)}
        book.tables["customers"].append(row)
    revolving(book, TURNS_OUT_A_MINOR, "01-10")
    row = book.tables["customers"][-1]  # a passport says nothing of the birth date
    row |= {"id_type": "2", "id_number": "E12345678"}
    row = row | {"birth_date": date(2007, 5, 4), "recorded_at": noon("04-20")}
    book.tables["customers"].append(row)
    changed = {"change_reason": "increase", "recorded_at": noon("05-10")}
    book.limit(TURNS_OUT_A_MINOR, day("05-10"), "5000", **changed)


def two_people_under_one_agreement(book: RawBook) -> None:
    """A fault of the lender: the first draw is of somebody who has signed nothing."""
    book.limit(SHARED_AGREEMENT, day("01-05"), "1000")
    for account_id, signed in ((SILENT, None), (AGREED, "01-10")):
        person(book, account_id)
        parent = {"parent_account_id": SHARED_AGREEMENT, "signed": signed}
        account(book, account_id, JIEBEI, signed or "01-05", **parent)
        book.transaction(account_id, "cash_draw", noon("01-12"), "100")


def absent_for_a_month(book: RawBook) -> None:
    """A newer version of the account names no product; corrected only after the month went out."""
    row = revolving(book, ABSENT, "01-10")
    broken = row | {"product_code": None, "recorded_at": noon("05-15")}
    corrected = row | {"recorded_at": noon("06-15")}
    book.tables["accounts"] += [broken, corrected]


def closing_learnt_late(book: RawBook) -> None:
    """March waits for a correction of February, April is sent, then March turns out the last."""
    row = revolving(book, CLOSED_BEFORE, "01-10")
    book.transaction(CLOSED_BEFORE, "purchase", noon("01-15"), "600")
    bill(book, CLOSED_BEFORE, "02-01", "02-10", "600")
    book.notice(CLOSED_BEFORE, day("02-10"), noon("02-15"))
    learnt = {"recorded_at": noon("03-10")}
    book.transaction(CLOSED_BEFORE, "repayment", noon("02-27"), "600", **learnt)
    closing = {"closed_on": day("03-20"), "closure_kind": "settled", "recorded_at": noon("05-12")}
    book.tables["accounts"].append(row | closing)


def married_to_somebody_who_signed_nothing(book: RawBook) -> None:
    """The spouse is a customer of the lender, too, and nothing of that person may leave."""
    silent = next(row for row in book.tables["customers"] if row["customer_id"] == f"C{SILENT}")
    revolving(book, MARRIED_TO_SILENT, "01-10")
    book.tables["customers"][-1] |= {
        "marital_status": "21",
        **{f"spouse_{column}": silent[column] for column in ("name", "id_type")},
        "spouse_id_number": f"{silent['id_number'][:6]} {silent['id_number'][6:]}",
    }


def add_stories(book: RawBook) -> None:
    """Every story of this module."""
    loan(book)
    settled_early(book)
    closings(book)
    bad_ends(book)
    institutions(book)
    limits_change(book)
    persons_change(book)
    two_people_under_one_agreement(book)
    absent_for_a_month(book)
    closing_learnt_late(book)
    married_to_somebody_who_signed_nothing(book)
