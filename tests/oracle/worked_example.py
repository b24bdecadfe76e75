"""The worked example of the bureau interface, section 6, as raw rows, and its variants.

All stories run from January to August 2023 and stand in one book, each a customer of its own, so
that eight runs of the pipeline tell them all.
"""

from datetime import date, datetime, timedelta
from typing import Any

from .raw_rows import RawBook, amount, moment

Row = dict[str, Any]

HUABEI = "HUABEI"
STOPS = "HUABEI_STOP"  # like HUABEI, but a withdrawal ends the reporting
EXAMPLE = "HB000001"
LATE_CONSENT = "HB000002"
RUN_OFF = "HB000003"
STOPPED = "HB000004"
LATE_PAYMENT = "HB000005"
LATE_NOTICE = "HB000006"
PERSON = {
    "name": "测试甲",
    "birth_date": date(1990, 3, 7),
    "id_number": "110105199003078510",
    "mobile_number": "13800000001",
    "email": "jia@example.com",
    "residence_address": "测试路 1 号",
    "residence_district": "110105",
    "marital_status": "21",
    "spouse_name": "测试配偶",
    "spouse_id_type": "10",
    "spouse_id_number": "110105199108155527",
    "education_level": "20",
    "academic_degree": "4",
    "employment_status": "11",
    "employer_name": "测试公司",
    "recorded_at": datetime(2023, 1, 5, 10),
}


def day(text: str) -> date:
    """A day of 2023, written ``MM-DD``."""
    return date.fromisoformat(f"2023-{text}")


def noon(text: str) -> datetime:
    """Noon of a day of 2023."""
    return moment(day(text))


def person(book: RawBook, account_id: str, **values: Any) -> str:
    """The customer of a story: its account's id with a C before it; a birth date of its own."""
    born_on = date(1980, 1, 1) + timedelta(days=len(book.tables["customers"]))
    values = {"birth_date": born_on} | values
    return str(book.customer(f"C{account_id}", **values)["customer_id"])


def account(book: RawBook, account_id: str, product_code: str, opened: str, **values: Any) -> Row:
    """A story's account, opened at noon, and the consent of that moment unless ``signed`` says."""
    signed = values.pop("signed", opened)
    row = book.account(
        account_id,
        values.pop("customer_id", f"C{account_id}"),
        product_code,
        day(opened),
        **({"recorded_at": noon(opened)} | values),
    )
    if signed:
        reporter = row["reporter_code"]
        book.consent(row["customer_id"], product_code, noon(signed), reporter_code=reporter)
    return row


def close(book: RawBook, row: Row, closed: str, kind: str = "settled") -> Row:
    """The newer version of the account's row that says when and how it closed."""
    closing = {
        "closed_on": day(closed),
        "closure_kind": kind,
        "recorded_at": moment(day(closed), "23:00:00"),
    }
    book.tables["accounts"].append(row | closing)
    return row | closing


def bill(book: RawBook, account_id: str, statement: str, due: str, value: str, **more: Any) -> Row:
    """A bill of principal alone."""
    return book.bill(account_id, day(statement), day(due), value, **more)


def ledger(book: RawBook, account_id: str, before: date = date.max) -> None:
    """The raw rows of section 6.1, of which those dated before the given day."""
    for name, when, value in (
        ("purchase", noon("01-20"), "1200"),
        ("repayment", noon("02-09"), "1200"),
        ("purchase", noon("02-12"), "1700"),
        ("purchase", noon("02-20"), "900"),  # in three instalments
        ("purchase", noon("03-05"), "200"),
        ("penalty", moment(day("03-31"), "23:00:00"), "21.00"),
        ("penalty", moment(day("04-30"), "23:00:00"), "35.00"),
        ("penalty", moment(day("05-31"), "23:00:00"), "41.90"),
        ("penalty", moment(day("06-18"), "01:00:00"), "25.20"),
        ("repayment", noon("06-18"), "2923.10"),
        ("purchase", noon("06-25"), "800"),
        ("repayment", noon("07-10"), "800"),
    ):
        if when.date() < before:
            book.transaction(account_id, name, when, value)
    planned = noon("02-20")
    for statement, due, value, recorded_at in (
        ("02-01", "02-10", "1200", None),
        ("03-01", "03-10", "1700", None),
        ("03-01", "03-10", "300", planned),
        ("04-01", "04-10", "300", planned),
        ("05-01", "05-10", "300", planned),
        ("04-01", "04-10", "200", None),
        ("07-01", "07-10", "800", None),
    ):
        if day(statement) < before:
            known = {"recorded_at": recorded_at} if recorded_at else {}
            bill(book, account_id, statement, due, value, **known)


def example(book: RawBook, account_id: str, **choices: Any) -> Row:
    """The account of the example.

    Choices: ``person`` (raw values), ``product_code``, ``signed``, ``before`` (the ledger's end),
    ``noticed`` (when the advance notice was sent), ``closed`` (None: it stays open).
    """
    product_code = choices.get("product_code", HUABEI)
    person(book, account_id, **choices.get("person", {}))
    row = account(book, account_id, product_code, "01-05", signed=choices.get("signed", "01-05"))
    book.limit(account_id, day("01-05"), "10000")
    ledger(book, account_id, choices.get("before", date.max))
    book.notice(account_id, day("03-10"), noon(choices.get("noticed", "03-12")))
    closed = choices.get("closed", "08-15")
    return close(book, row, closed) if closed else row


def add_examples(book: RawBook) -> None:
    """The example and its variants (traps 8, 9 and 10, and a late notice)."""
    example(book, EXAMPLE, person=PERSON)
    example(book, LATE_CONSENT, signed="04-15")
    for account_id, product_code in ((RUN_OFF, HUABEI), (STOPPED, STOPS)):
        row = example(book, account_id, product_code=product_code, before=day("06-25"))
        book.consent(row["customer_id"], product_code, noon("05-20"), action="withdrawn")
    example(book, LATE_PAYMENT, before=day("06-01"), closed=None)
    book.transaction(
        LATE_PAYMENT,
        "repayment",
        moment(day("05-31"), "23:30:00"),
        amount("2897.90"),
        recorded_at=noon("06-04"),
    )
    example(book, LATE_NOTICE, noticed="04-10")
