"""A month that goes on from the month before must equal one that reads everything, byte for byte.

The book is disorderly: late rows, corrected bills, reversals of old payments, closings, write-offs,
rows that break rules, keys that come again. It is delivered month by month.
"""

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from oracle.random_books import write, write_policy, write_random_book
from oracle.raw_rows import RawBook
from support.lender_months import Lender, build, settings_in

from reporting.core.raw_contract import raw_contract
from reporting.core.run import OWN_PART, next_month
from reporting.core.settings import DBT_PROJECT
from reporting.store.build_store import open_store
from reporting.store.published import OF_OWN_RUNS

pytestmark = pytest.mark.nightly  # shorter tests hold parts of it

MONTHS = ("2026-01", "2026-02", "2026-03")


def deliver(book: Path, landing: Path, month: str) -> None:
    """Deliver what was recorded by the end of the month after, in a file per month."""
    until = next_month(next_month(date.fromisoformat(f"{month}-01")))
    with duckdb.connect() as connection:
        for table in raw_contract():
            files = [str(path) for path in sorted((book / table.name).rglob("*.*"))]
            selects = " union all by name ".join(f"select * from '{path}'" for path in files)
            connection.execute(f"create or replace temp table delivered as {selects}")
            months = connection.execute(
                "select distinct strftime(coalesce(recorded_at, timestamp '2000-01-01'), '%Y-%m')"
                " from delivered where recorded_at < ? or recorded_at is null order by all",
                [until],
            ).fetchall()
            (landing / table.name).mkdir(parents=True, exist_ok=True)
            for (recorded_in,) in months:
                path = landing / table.name / f"{recorded_in}.parquet"
                if not path.exists():
                    connection.execute(
                        "copy (from delivered where strftime(coalesce(recorded_at, "
                        f"timestamp '2000-01-01'), '%Y-%m') = '{recorded_in}' order by all) "
                        f"to '{path}' (format parquet)"
                    )


def outcome(lender: Lender, month: str) -> dict[str, bytes]:
    """Everything that a month leaves to people outside: files and published tables."""
    home = lender.settings.home
    files = [path for path in home.rglob(f"submissions/*/{month}/*") if path.is_file()]
    files += [path for path in home.rglob(f"notices/{month}/*") if path.is_file()]
    files += [
        lender.settings.published / table / f"report_month={month}-01" / OWN_PART
        for table in OF_OWN_RUNS
        # they say when a check was asked, and which accounts were brought forward
        if table not in ("data_quality_results", "reconciliation")
    ]
    return {str(path.relative_to(home)): path.read_bytes() for path in files if path.exists()}


def brought_forward(lender: Lender, month: str) -> tuple[int, int]:
    """How many accounts a month goes on with, and how many were carried to it."""
    with open_store(lender.run(month), lender.settings) as store:
        (used,) = store.execute("select count(*) from staging.accounts_brought_forward").fetchall()
        (left,) = store.execute("select count(*) from brought_forward.accounts").fetchall()
    return used[0], left[0]


@pytest.fixture(scope="module")
def lenders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lender, Lender]:
    """The same months twice: each from the month before, and each from the beginning."""
    folder = tmp_path_factory.mktemp("carried")
    policy = folder / "policy.csv"
    write_policy(DBT_PROJECT / "seeds" / "product_policy.csv", policy)
    write_random_book(folder / "book", policy, 131, accounts=400)
    settings = settings_in(folder, policy=policy)
    rebuilt = settings.model_copy(update={"home": folder / "rebuilt", "full_rebuild": True})
    for month in MONTHS:
        deliver(folder / "book", folder / "landing", month)
        build(settings, month)
        if month == MONTHS[0]:
            shutil.copytree(settings.home, rebuilt.home)
        else:
            build(rebuilt, month)
    return Lender(settings, list(MONTHS)), Lender(rebuilt, list(MONTHS))


@pytest.mark.parametrize("month", MONTHS[1:])
def test_a_month_brought_forward_equals_a_rebuild(
    lenders: tuple[Lender, Lender], month: str
) -> None:
    carried, rebuilt = (outcome(lender, month) for lender in lenders)
    assert len(carried) > len(OF_OWN_RUNS)
    assert [name for name in carried if carried[name] != rebuilt.get(name)] == []
    assert carried.keys() == rebuilt.keys()


@pytest.mark.parametrize("month", MONTHS[1:])
def test_most_accounts_go_on_and_the_touched_ones_are_read_anew(
    lenders: tuple[Lender, Lender], month: str
) -> None:
    used, left = brought_forward(lenders[0], month)
    assert 0 < used < left
    assert brought_forward(lenders[1], month) == (0, 0)


def test_what_is_written_off_goes_on_like_the_rest(lenders: tuple[Lender, Lender]) -> None:
    """Its ledger begins after the write-off, and it is in arrears all the same."""
    month = MONTHS[-1]
    with open_store(lenders[0].run(month), lenders[0].settings) as store:
        (found,) = store.execute(
            "select count(*) from staging.accounts_brought_forward "
            "inner join marts.repayment_status using (account_id) "
            "where report_month = ? and repayment_status = 'B'",
            [lenders[0].run(month).month],
        ).fetchall()
    assert found[0] > 0


def test_a_changed_file_makes_the_month_read_everything(
    lenders: tuple[Lender, Lender], tmp_path: Path
) -> None:
    shutil.copytree(lenders[0].settings.home, tmp_path / "home")
    shutil.copytree(Path(lenders[0].settings.landing), tmp_path / "landing")
    changed = sorted((tmp_path / "landing" / "transactions").glob("*.parquet"))[0]
    with duckdb.connect() as connection:
        connection.execute(f"create table again as from '{changed}'")
        connection.execute(f"copy (from again order by all desc) to '{changed}' (format parquet)")
    settings = settings_in(tmp_path, policy=lenders[0].settings.policy)
    month = MONTHS[-1]
    assert brought_forward(build(settings, month), month) == (0, 0)
    before, after = outcome(lenders[0], month), outcome(Lender(settings, [month]), month)
    files = [name for name in before if name.startswith("submissions")]
    assert files
    assert [name for name in files if before[name] != after[name]] == []


LATE_SPENDING, REVERSED_BEFORE = "LATE0001", "EARLY001"


def billed(book: RawBook, account_id: str) -> None:
    """A customer with a bill of January."""
    book.customer(f"C{account_id}", date(1990, 3, 7))
    book.consent(f"C{account_id}", "HUABEI", datetime(2025, 11, 1))
    book.account(account_id, f"C{account_id}", "HUABEI", date(2025, 11, 1))
    book.limit(account_id, date(2025, 11, 1), "5000")
    book.transaction(account_id, "purchase", datetime(2025, 12, 10), 600)
    book.bill(account_id, date(2026, 1, 1), date(2026, 1, 10), 600)


def what_comes_too_late() -> RawBook:
    """Rows of February that are known in March, of accounts that were settled long before."""
    book = RawBook()
    for account_id in (LATE_SPENDING, REVERSED_BEFORE):
        billed(book, account_id)
        book.transaction(account_id, "repayment", datetime(2026, 1, 20), 600)
        book.transaction(account_id, "purchase", datetime(2026, 3, 5), 10)
    # written off and paid; what it owes at the end of February is known in March
    book.transaction(LATE_SPENDING, "write_off", datetime(2026, 1, 15), 600)
    known_in_march = {"recorded_at": datetime(2026, 3, 10)}
    book.transaction(LATE_SPENDING, "purchase", datetime(2026, 2, 20), 70, **known_in_march)
    # taken back before anybody told that it happened
    bought = book.transaction(
        REVERSED_BEFORE, "purchase", datetime(2026, 2, 5), 90, **known_in_march
    )
    book.transaction(
        REVERSED_BEFORE,
        "reversal",
        datetime(2026, 2, 12),
        90,
        reverses_transaction_id=bought["transaction_id"],
    )
    return book


def test_what_comes_too_late_is_told_as_by_a_rebuild(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    write(what_comes_too_late(), Path(settings.landing))
    build(settings, *MONTHS[:2])
    rebuilt = settings.model_copy(update={"home": tmp_path / "rebuilt", "full_rebuild": True})
    shutil.copytree(settings.home, rebuilt.home)
    carried, whole = build(settings, MONTHS[2]), build(rebuilt, MONTHS[2])
    assert brought_forward(carried, MONTHS[2])[1] == 2
    told = {row["account_id"]: row for row in carried.rows("repayment_status", MONTHS[2])}
    assert told[LATE_SPENDING]["five_tier_assigned_on"] == date(2026, 2, 28)
    assert told[REVERSED_BEFORE]["balance"] == 10
    assert outcome(carried, MONTHS[2]) == outcome(whole, MONTHS[2])


PLAIN = [f"PLAIN{number:03d}" for number in range(4)]
NAMED_FIRST, NAMED_THEN = "FIRST001", "THEN0001"
CONFLICT, OTHER = "CONFL001", "OTHER001"
CLOSED, AFTER_CLOSED = "CLOSED01", "AFTER001"
AGAIN_WITHOUT_MOMENT, NO_KEY = "AGAIN001", "NOKEY001"


def what_is_told_twice() -> tuple[RawBook, RawBook]:
    """Rows of which one version or copy names another account, or has lost its key or moment.

    The first book is delivered before February is built, the second one before March is.
    """
    book, later = RawBook(), RawBook()
    names = [
        *(*PLAIN, NAMED_FIRST, NAMED_THEN, CONFLICT, OTHER, CLOSED, AFTER_CLOSED),
        *(AGAIN_WITHOUT_MOMENT, NO_KEY),
    ]
    for account_id in names:
        billed(book, account_id)
    # paid by the one, as was said first; by the other, as was said then. The one owes months
    # (no notice was delivered), so that it is read whole, and must not find its payment again
    paid = {"transaction_id": "T-MOVED"}
    book.transaction(NAMED_FIRST, "repayment", datetime(2026, 1, 5), 600, **paid)
    moved = {"recorded_at": datetime(2026, 1, 8)}
    book.transaction(NAMED_THEN, "repayment", datetime(2026, 1, 5), 600, **paid, **moved)
    for account_id in names:
        if account_id not in (NAMED_FIRST, NAMED_THEN):
            book.transaction(account_id, "repayment", datetime(2026, 1, 5), 600)
    # two accounts in one row, of one moment: neither is right. The one is read whole later
    for account_id in (CONFLICT, OTHER):
        book.bill(account_id, date(2026, 2, 1), date(2026, 2, 10), 0, bill_id="B-CONFLICT")
    # the same with an account that is closed, and goes on without a ledger
    for account_id in (CLOSED, AFTER_CLOSED):
        both = {"transaction_id": "T-CONFLICT", "recorded_at": datetime(2026, 1, 16)}
        book.transaction(account_id, "purchase", datetime(2026, 1, 15), 90, **both)
    closed = next(row for row in book.tables["accounts"] if row["account_id"] == CLOSED)
    book.account(
        CLOSED,
        f"C{CLOSED}",
        "HUABEI",
        date(2025, 11, 1),
        closed_on=date(2026, 1, 25),
        recorded_at=closed["recorded_at"] + timedelta(days=60),
    )
    late = {"recorded_at": datetime(2026, 3, 10)}
    later.transaction(
        CONFLICT, "repayment", datetime(2026, 2, 20), 5, transaction_id="T-LATE", **late
    )
    for account_id, lost in ((AGAIN_WITHOUT_MOMENT, "recorded_at"), (NO_KEY, "transaction_id")):
        row = book.transaction(account_id, "purchase", datetime(2026, 2, 3), 70)
        if lost == "transaction_id":
            row[lost] = None
        later.tables["transactions"].append(row | {lost: None})
    return book, later


def test_what_is_told_twice_is_read_as_by_a_rebuild(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    before, later = what_is_told_twice()
    write(before, Path(settings.landing))
    build(settings, *MONTHS[:2])
    rebuilt = settings.model_copy(update={"home": tmp_path / "rebuilt", "full_rebuild": True})
    shutil.copytree(settings.home, rebuilt.home)
    write(later, tmp_path / "later")
    for number, news in enumerate(sorted((tmp_path / "later" / "transactions").rglob("*.parquet"))):
        shutil.copy(news, Path(settings.landing) / "transactions" / f"later-{number}.parquet")
    carried, whole = build(settings, MONTHS[2]), build(rebuilt, MONTHS[2])

    with open_store(carried.run(MONTHS[2]), settings) as store:
        found = store.execute("select account_id from staging.accounts_brought_forward").fetchall()
    assert sorted(account_id for (account_id,) in found) == PLAIN
    told = {row["account_id"]: row for row in carried.rows("repayment_status", MONTHS[2])}
    # a payment whose versions name two accounts counts for neither
    assert told[NAMED_FIRST]["overdue_total"] == told[NAMED_THEN]["overdue_total"] == 600
    assert outcome(carried, MONTHS[2]) == outcome(whole, MONTHS[2])


@pytest.mark.parametrize(
    ("damaged", "start"), [("manifest.json", 0), ("bills.parquet", 0), ("bills.parquet", 4)]
)
def test_what_was_carried_and_is_damaged_is_read_anew(
    lenders: tuple[Lender, Lender], tmp_path: Path, damaged: str, start: int
) -> None:
    shutil.copytree(lenders[0].settings.home, tmp_path / "home")
    settings = lenders[0].settings.model_copy(update={"home": tmp_path / "home"})
    kept = lenders[0].run(MONTHS[1]).folder(settings) / "carried_forward" / damaged
    content = bytearray(kept.read_bytes())
    content[start : start + 200] = b"no byte of ours" * 14
    kept.write_bytes(content)
    month = MONTHS[-1]
    again = build(settings, month)
    assert brought_forward(again, month) == (0, 0)
    assert outcome(again, month) == outcome(lenders[0], month)
