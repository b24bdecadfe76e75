"""One customer with one account, whose bills are paid in time."""

from datetime import date, datetime

from oracle.raw_rows import RawBook


def person(book: RawBook, name: str) -> str:
    """A customer with an account, a limit, a consent, and bills paid in time."""
    account = f"A{name}"
    book.customer(f"C{name}", date(1990, 1, 1))
    book.account(account, f"C{name}", "HUABEI", date(2026, 1, 5))
    book.limit(account, date(2026, 1, 5), 5000)
    book.consent(f"C{name}", "HUABEI", datetime(2026, 1, 5, 9))
    for month in (2, 3, 4, 5):
        book.transaction(account, "purchase", datetime(2026, month, 1, 9), 100)
        book.bill(
            account, date(2026, month, 10), date(2026, month, 20), 100, bill_id=f"{account}B{month}"
        )
        book.transaction(account, "repayment", datetime(2026, month, 15, 9), 100)
    return account
