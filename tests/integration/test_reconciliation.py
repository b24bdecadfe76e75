"""A run reconciles to the fen, from the feed to the files, and one that does not is not built.

The book is small enough to reckon by hand; what must come out is written here, not computed.
"""

import re
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook
from properties.hand_made import Account, closed
from support.lender_months import Lender, build, settings_in

from reporting.core.errors import DataNotFit
from reporting.core.run import OWN_PART
from reporting.core.settings import Settings
from reporting.pages import words
from reporting.pipeline import steps
from reporting.records import earlier_months, files, recount
from reporting.store.build_store import open_store
from reporting.store.month_order import chain
from reporting.store.published import partition
from reporting.store.submission_ledger import bureau_facts
from reporting.submission import approval, review
from reporting.transform.dbt import dbt_build

JANUARY, FEBRUARY = "2026-01", "2026-02"
PRODUCT = "HUABEI"  # pays penalty, fee, interest, principal; what is paid ahead lowers the balance

Row = dict[str, Any]


def small_book() -> RawBook:
    """Nine accounts of one product; each is there for one item of the reconciliation."""
    book = RawBook()

    def account(name: str, opened: str = "01-05", closing: Row | None = None) -> Account:
        return Account(book, name, opened, PRODUCT, closing or {})

    late = account("LATE")  # 02-10: 100.40 + 2.00 due, 30.15 paid: 72.25 late, 122.25 owed
    late.spend("01-10", "100.40")
    late.bill("02-01", "02-10", "100.40", fee=2)
    late.spend("02-05", 50)
    late.repay("02-10", "30.15")
    late.notice("02-10", "02-12")

    sold = account("SOLD", closing=closed("02-20", "transferred"))  # 500.50, written as zero
    sold.spend("01-10", "500.50")

    bounced = account("BOUNCED")  # 80 came back in February: 200 owed, read whole
    bounced.spend("01-10", 200)
    bounced.undo(bounced.repay("01-20", 80), "02-03")

    told_late = account("TOLDLATE")  # January waits for the notice: 300, then 312.34 overdue
    told_late.spend("01-06", 300)
    told_late.bill("01-08", "01-20", 300)
    told_late.notice("01-20", "02-05")
    told_late.move("penalty", "02-25", "12.34")

    no_limit = account("NOLIMIT", "02-03")  # an account of this type without a limit is withheld
    book.tables["credit_limits"].pop()
    no_limit.spend("02-04", 70)

    unsigned = account("UNSIGNED")  # 10 owed, not reported
    book.tables["consents"].pop()
    unsigned.spend("01-10", 10)

    refunded = account("REFUNDED")  # 100 - 20; the penalty of 5 was late for a day and is waived
    refunded.spend("01-10", 100)
    refunded.move("refund", "02-03", 20)
    refunded.move("penalty", "02-04", 5)
    refunded.move("waiver", "02-06", 5)

    coming = account("COMING")  # 60 and 1 interest billed, due in March: 61 owed in all
    coming.spend("01-10", 60)
    coming.bill("02-20", "03-05", 60, interest=1)

    small = account("SMALL")  # 0.30 is written as 1
    small.spend("01-10", "0.30")

    accounts = book.tables["accounts"]
    accounts.append(dict(accounts[0]))  # a copy
    accounts.append(accounts[0] | {"account_id": "NOPRODUCT", "product_code": None})
    return book


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """Two months of the book. Tests only read it, or copy it."""
    settings = settings_in(tmp_path_factory.mktemp("reconciled"))
    write(small_book(), Path(settings.landing))
    return build(settings, JANUARY, FEBRUARY)


@pytest.fixture
def mine(small: Lender, tmp_path: Path) -> Settings:
    """A copy of both built months, to spoil."""
    home = tmp_path / "home"
    shutil.copytree(small.settings.home, home)
    return small.settings.model_copy(update={"home": home})


def step(lender: Lender, name: str, *columns: str) -> set[tuple[Any, ...]]:
    """The rows of a step in February: the grain's columns, item, accounts and amounts."""
    return {
        (*(row[column] for column in columns), row["item"], *_measures(row))
        for row in lender.rows("reconciliation", FEBRUARY)
        if row["step"] == name
    }


def _measures(row: Row) -> tuple[int, str | None, str | None]:
    balance, overdue = (row[name] for name in ("balance", "overdue"))
    return (
        row["accounts"],
        None if balance is None else str(balance),
        None if overdue is None else str(overdue),
    )


# --- by hand -------------------------------------------------------------------------------------


def test_every_delivered_account_row_is_in_the_population_or_in_an_item(small: Lender) -> None:
    assert step(small, "accounts") == {
        ("delivered", 12, None, None),
        ("duplicates", -1, None, None),
        ("superseded", -1, None, None),
        ("after_cut_off", 0, None, None),
        ("quarantined", -1, None, None),
        ("accounts", 9, None, None),
    }


def test_what_is_owed_is_what_was_owed_and_what_came_since(small: Lender) -> None:
    """LATE, UNSIGNED, REFUNDED, COMING, SMALL go on from January; the others are read whole."""
    forward, whole = "brought forward", "read whole"
    assert step(small, "ledger", "account_group") == {
        (forward, "opening", 5, "270.70", None),  # 100.40 + 10 + 100 + 60 + 0.30
        (forward, "spending", 0, "50.00", None),
        (forward, "charges", 0, "3.00", None),
        (forward, "penalties", 0, "5.00", None),
        (forward, "repayments", 0, "-30.15", None),
        (forward, "refunds", 0, "-20.00", None),
        (forward, "waivers", 0, "-5.00", None),
        (forward, "position", 5, "273.55", None),  # 122.25 + 10 + 80 + 61 + 0.30
        (whole, "opening", 4, "0.00", None),
        (whole, "charges", 0, "0.00", None),  # a bill of TOLDLATE, without interest and fee
        (whole, "spending", 0, "1070.50", None),  # 500.50 + 200 + 300 + 70
        (whole, "penalties", 0, "12.34", None),
        (whole, "position", 4, "1082.84", None),  # 500.50 + 200 + 312.34 + 70
    }


def test_accounts_with_a_status_are_reportable_or_have_a_reason(small: Lender) -> None:
    assert step(small, "marts", "repayment_status") == {
        ("*", "accounts", 5, "340.30", "0.00"),  # BOUNCED NOLIMIT UNSIGNED COMING SMALL
        ("*", "NOT_AUTHORIZED", -1, "-10.00", "0.00"),
        ("*", "REPORTED", 4, "330.30", "0.00"),
        ("1", "accounts", 1, "122.25", "72.25"),
        ("1", "REPORTED", 1, "122.25", "72.25"),
        ("2", "accounts", 1, "300.00", "312.34"),
        ("2", "REPORTED", 1, "300.00", "312.34"),
        ("G", "accounts", 1, "500.50", "0.00"),
        ("G", "REPORTED", 1, "500.50", "0.00"),
        ("M", "accounts", 1, "80.00", "0.00"),
        ("M", "REPORTED", 1, "80.00", "0.00"),
    }


def test_what_is_to_be_sent_is_sent_in_whole_yuan_or_withheld(small: Lender) -> None:
    """January of TOLDLATE is pending, and sent with status 1 beside LATE.

    The record of NOLIMIT fails V19 and, since its agreement is not sent either, V59.
    """
    assert step(small, "records", "repayment_status") == {
        ("*", "month", 4, "330.30", "0.00"),
        ("*", "V19", -1, "-70.00", "0.00"),
        ("*", "rounding", 0, "0.70", "0.00"),
        ("*", "records", 3, "261.00", "0.00"),
        ("1", "month", 1, "122.25", "72.25"),
        ("1", "pending months", 1, "300.00", "300.00"),
        ("1", "rounding", 0, "-0.25", "-0.25"),
        ("1", "records", 2, "422.00", "372.00"),
        ("2", "month", 1, "300.00", "312.34"),
        ("2", "rounding", 0, "0.00", "-0.34"),
        ("2", "records", 1, "300.00", "312.00"),
        ("G", "month", 1, "500.50", "0.00"),
        ("G", "transferred", 0, "-500.50", "0.00"),
        ("G", "records", 1, "0.00", "0.00"),
        ("M", "month", 1, "80.00", "0.00"),
        ("M", "rounding", 0, "0.00", "0.00"),
        ("M", "records", 1, "80.00", "0.00"),
    }


def test_the_files_hold_the_records_and_nothing_else(small: Lender) -> None:
    found = step(small, "file", "record_type", "repayment_status")
    assert {row for row in found if row[0] == "210"} == {
        ("210", status, item, *measures)
        for status, *measures in (
            ("*", 3, "261.00", "0.00"),
            ("1", 2, "422.00", "372.00"),
            ("2", 1, "300.00", "312.00"),
            ("G", 1, "0.00", "0.00"),
            ("M", 1, "80.00", "0.00"),
        )
        for item in ("records", "lines")
    }


# --- what does not close is not built ------------------------------------------------------------


SPOILED = {  # in February's build store -> what the line says
    "accounts": (
        "update marts.feed_counts set duplicates = 0 where table_name = 'accounts'",
        "institution all, product all, step accounts, difference -1 accounts, balance 0.00",
    ),
    "ledger, brought forward": (
        "update marts.repayment_status set charges_unpaid = charges_unpaid + 0.01 "
        "where account_id = 'LATE'",
        "product HUABEI, step ledger, difference 0 accounts, balance 0.01, overdue 0.00",
    ),
    "ledger, read whole": (
        "update marts.repayment_status set balance = balance - 1 where account_id = 'SOLD'",
        "product HUABEI, step ledger, difference 0 accounts, balance -1.00",
    ),
    "marts": (
        "update marts.reportable_population set reason_code = 'REPORTED' "
        "where account_id = 'UNSIGNED'",
        "product HUABEI, step marts, difference -1 accounts, balance -10.00",
    ),
    "records, an amount": (
        "update marts.submission_records set acct_bal = 0 where account_id = 'SMALL'",
        "product HUABEI, step records, difference 0 accounts, balance -1.00",
    ),
    "records, one is lost": (
        "delete from marts.submission_records where account_id = 'SOLD'",
        "product HUABEI, step records, difference -1 accounts, balance 0.00",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_each_step_fails_by_name_and_to_the_fen(small: Lender, mine: Settings, name: str) -> None:
    spoil, words = SPOILED[name]
    run = small.run(FEBRUARY)
    with open_store(run, mine, read_only=False) as store:
        store.execute(spoil)
    dbt_build(run, mine, "reconciliation")
    with open_store(run, mine) as store, pytest.raises(DataNotFit) as caught:
        recount.require_closed(store, run)
    assert f"{FEBRUARY}: reconciliation does not close: institution " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<AcctBal>122</", "<AcctBal>123</", "step file, difference 0 accounts, balance 1.00"),
        ("<TotOverd>72</", "<TotOverd>0</", "step file, difference 0 accounts, balance 0.00"),
        ("<RpyStatus>M</", "<RpyStatus>N</", "step file, difference -1 accounts"),
        ("<AcctBal>122</", "<AcctBal>x</", "is not what was written"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_found(
    small: Lender, mine: Settings, old: str, new: str, words: str
) -> None:
    run = small.run(FEBRUARY)
    with open_store(run, mine, read_only=False) as store:
        written = files.write_submissions(store, run, mine.submissions)
        recount.count_files(store, mine.submissions, run, written)
        recount.require_closed(store, run)  # as they were written
        (path,) = mine.submissions.glob(f"*/{FEBRUARY}/*2100*.txt")
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(DataNotFit, match=words):
            recount.count_files(store, mine.submissions, run, written)
            recount.require_closed(store, run)


def published(settings: Settings) -> dict[str, bytes]:
    paths = [*settings.published.glob("*/*/data.parquet"), *settings.submissions.rglob("*.txt")]
    return {str(path): path.read_bytes() for path in paths}


def test_a_run_that_does_not_close_is_not_built(small: Lender, mine: Settings) -> None:
    run = small.run(FEBRUARY)
    before = published(mine), sorted((mine.ledger / "events").iterdir())
    with open_store(run, mine, read_only=False) as store:
        store.execute(SPOILED["ledger, brought forward"][0])
    with pytest.raises(DataNotFit, match="does not close") as caught:
        steps.publish(run, mine)
    assert caught.value.exit_code == 1
    assert (published(mine), sorted((mine.ledger / "events").iterdir())) == before


def test_a_run_whose_files_do_not_close_is_not_built(
    small: Lender, mine: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the machine between writing the files and reading them again."""
    run, write_submissions = small.run(FEBRUARY), files.write_submissions

    def write_and_lose(*arguments: Any) -> list[files.SubmissionFile]:
        written = write_submissions(*arguments)
        (path,) = mine.submissions.glob(f"*/{FEBRUARY}/*2100*.txt")
        kept = path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]
        path.write_text("".join(kept), encoding="utf-8")
        return written

    events = sorted((mine.ledger / "events").iterdir())
    monkeypatch.setattr(files, "write_submissions", write_and_lose)
    with pytest.raises(DataNotFit, match="step file, difference -1 accounts"):
        steps.publish(run, mine)
    assert sorted((mine.ledger / "events").iterdir()) == events


def test_a_month_that_an_older_version_published_lacks_the_column_and_is_read(
    small: Lender, mine: Settings
) -> None:
    path = partition(mine, "repayment_status", date(2026, 1, 1)) / OWN_PART
    with duckdb.connect() as connection:
        connection.execute(f"create table older as select * exclude (charges_unpaid) from '{path}'")
        connection.execute(f"copy older to '{path}' (format parquet)")
        facts = bureau_facts(mine)
        run = small.run(FEBRUARY)
        earlier_months.create_history(connection, run, chain(run, mine), mine, facts)
        rows = connection.execute(
            "select account_id, balance, charges_unpaid from history.repayment_status "
            "where account_id = 'LATE'"
        ).fetchall()
    assert rows == [("LATE", Decimal("100.40"), None)]


# --- who sees it ---------------------------------------------------------------------------------


def test_the_approver_sees_that_it_closes(small: Lender) -> None:
    state = approval.built_state(
        approval.newest_run(FEBRUARY, None, small.settings), small.settings
    )
    lines = review.review(state, small.settings)
    assert (
        "reconciliation: accounts 9, ledger 9, marts 8, records 8, file 8: "
        "every step closes to the fen"
    ) in lines.lines()


def test_the_page_of_the_month_counts_each_step_and_shows_no_amount(small: Lender) -> None:
    page = small.settings.month_page(FEBRUARY).read_text("utf-8")
    _, _, shown = page.partition('<div class="steps"')
    shown = re.sub(r"\s*\n\s*", "", shown.partition('<section id="files">')[0])
    assert shown.count('<b class="tag">closes</b>') == 5
    assert '<tr class="total"><td class="n">9</td><td>accounts with a balance' in shown
    withheld = f"\N{MINUS SIGN}1</td><td>fails V19: {words.rules()['V19'].sentence}</td>"
    assert f'<tr class="item"><td class="n">{withheld}' in shown
    assert "273" not in shown
