"""The replay of one account in words: what it says, and that it equals the mart on every field."""

import csv
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from oracle.random_books import write, write_policy, write_random_book
from oracle.raw_rows import RawBook, amount, moment
from support.lender_months import settings_in

from reporting.cli import app
from reporting.core.errors import BadCall
from reporting.core.run import OWN_PART, Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.pipeline import steps
from reporting.store import publish, published, published_database
from reporting.store.build_store import open_store
from reporting.store.published_database import open_published
from reporting.why.explanation import WIDTH, DerivationsDiffer, Explanation, explain
from reporting.why.fields import in_whole_yuan

SEED = DBT_PROJECT / "seeds" / "product_policy.csv"
PUBLISHED = (
    "repayment_status",
    "reportable_population",
    "submission_records",
    "accounts_known",
    "repayment_history",
    "months_owed",
    "quarantined_rows",
    "repair_queue",
    "built_months",
)
MAY, JUNE = date(2023, 5, 1), date(2023, 6, 1)
RANDOM_MONTH = date(2026, 4, 1)


def day(text: str) -> date:
    return date.fromisoformat(f"2023-{text}")


def add_worked_example(book: RawBook) -> None:
    """Interface, section 6.1."""
    book.account("HB1", "C1", "HUABEI", day("01-05"))
    book.account("HB1", "C1", "HUABEI", day("01-05"), closed_on=day("08-15"))
    book.limit("HB1", day("01-05"), "10000")
    for id_, statement, due, principal in (
        ("B1", "02-01", "02-10", 1200),
        ("B2", "03-01", "03-10", 1700),
        ("P1", "03-01", "03-10", 300),
        ("P2", "04-01", "04-10", 300),
        ("P3", "05-01", "05-10", 300),
        ("B3", "04-01", "04-10", 200),
        ("B4", "07-01", "07-10", 800),
    ):
        early = {"recorded_at": moment(day("02-20"))} if id_.startswith("P") else {}
        book.bill("HB1", day(statement), day(due), principal, bill_id=id_, **early)
    for id_, on, clock, kind, value in (
        ("S1", "01-20", "12:00:00", "purchase", "1200"),
        ("R1", "02-09", "12:00:00", "repayment", "1200"),
        ("S2", "02-12", "12:00:00", "purchase", "1700"),
        ("S3", "02-20", "12:00:00", "purchase", "900"),
        ("S4", "03-05", "12:00:00", "purchase", "200"),
        ("X1", "03-31", "23:00:00", "penalty", "21.00"),
        ("X2", "04-30", "23:00:00", "penalty", "35.00"),
        ("X3", "05-31", "23:00:00", "penalty", "41.90"),
        ("X4", "06-18", "01:00:00", "penalty", "25.20"),
        ("R2", "06-18", "12:00:00", "repayment", "2923.10"),
        ("S5", "06-25", "12:00:00", "purchase", "800"),
        ("R3", "07-10", "12:00:00", "repayment", "800"),
    ):
        book.transaction("HB1", kind, moment(day(on), clock), value, transaction_id=id_)


def add_held_money(book: RawBook) -> None:
    """A draw whose bounced payment was covered by another, and money held for the next bill."""
    book.account("JB1", "C1", "JIEBEI", day("03-05"), parent_account_id="AG1")
    book.limit("AG1", day("03-05"), "5000")
    for id_, statement, due in (("I1", "03-20", "04-05"), ("I2", "04-20", "05-05")):
        book.bill("JB1", day(statement), day(due), 300, bill_id=id_, interest_due=amount(5))
    for id_, on, kind, value, undone in (
        ("D1", "03-05", "cash_draw", "600", None),
        ("D2", "04-05", "repayment", "305", None),
        ("D3", "04-10", "repayment", "400", None),
        ("D4", "05-20", "reversal", "305", "D2"),
        ("D5", "06-02", "reversal", "400", "D3"),
    ):
        names = {"transaction_id": id_, "reverses_transaction_id": undone}
        book.transaction("JB1", kind, moment(day(on)), value, **names)


def add_grace(book: RawBook) -> None:
    """A card that asks for the minimum and gives three days of grace; opened in May."""
    book.account("CG1", "C2", "CARD_GRACE", day("05-01"))
    book.bill(
        *("CG1", day("05-02"), day("05-29"), 900),
        bill_id="G1",
        fee_due=amount(10),
        minimum_due=amount("100.40"),
    )
    for id_, on, kind, value in (
        ("G2", "05-01", "purchase", "900"),
        ("G3", "05-30", "repayment", "60"),
    ):
        book.transaction("CG1", kind, moment(day(on)), value, transaction_id=id_)


def write_grace_policy(target: Path) -> None:
    """The seed and one product more."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    card = next(row for row in rows if row["product_code"] == "CARD_UCI350")
    rows.append(card | {"product_code": "CARD_GRACE", "grace_days": "3"})
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def build_and_publish(settings: Settings, month: date) -> None:
    """Build and publish a month without asking the checks, which have tests of their own."""
    run = Run.of(f"{month:%Y-%m}", None, settings)
    steps.land(run, settings)
    steps.build_marts(run, settings)
    steps.build_records(run, settings)
    steps.build_journal(run, settings)
    with open_store(run, settings, read_only=False) as store:
        publish.publish_tables(store, run, settings, PUBLISHED)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The worked example and two accounts beside it, May and June built. Tests only read it."""
    folder = tmp_path_factory.mktemp("worked")
    write_grace_policy(folder / "policy.csv")
    settings = settings_in(folder, policy=folder / "policy.csv")
    book = RawBook()
    book.customer("C1", date(1990, 3, 7))
    book.customer("C2", date(1985, 1, 1))
    book.consent("C1", "HUABEI", moment(day("01-05")))
    book.notice("HB1", day("03-10"), moment(day("03-12")))
    add_worked_example(book)
    add_held_money(book)
    add_grace(book)
    write(book, Path(settings.landing))
    for month in (MAY, JUNE):
        build_and_publish(settings, month)
    return settings


@pytest.fixture(scope="module")
def spoiled(worked: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same home with a mart that is wrong about two fields of one account."""
    settings = worked.model_copy(update={"home": tmp_path_factory.mktemp("spoiled") / "home"})
    shutil.copytree(worked.home, settings.home)
    file = published.partition(settings, "repayment_status", MAY) / OWN_PART
    with duckdb.connect() as connection:
        connection.execute(f"create table status as from '{file}'")
        connection.execute(
            "update status set balance = balance + 1, five_tier_assigned_on = null "
            "where account_id = 'HB1'"
        )
        connection.execute(f"copy status to '{file}' (format parquet)")
    published_database.build_database(settings)
    return settings


def told(accounts: str, month: date, settings: Settings) -> list[str]:
    """The lines of an explanation that agrees with the mart."""
    explanation = explain(accounts.split(), month, settings)
    explanation.require_equal()
    return explanation.lines


def test_the_payment_of_june_is_told_item_by_item(worked: Settings) -> None:
    lines = told("HB1", JUNE, worked)
    start = next(n for n, line in enumerate(lines) if "repayment R2" in line)
    assert " ".join(lines[start].split()) == "2023-06-18 12:00:00 repayment R2 of 2,923.10 0.00"
    assert [line.strip() for line in lines[start + 1 : start + 10]] == [
        "pays principal of bill B2 1,700.00 (100 days late)",
        "pays principal of bill P1 300.00 (100 days late)",
        "pays penalty X1 21.00 (79 days late)",
        "pays principal of bill B3 200.00 (69 days late)",
        "pays principal of bill P2 300.00 (69 days late)",
        "pays penalty X2 35.00 (49 days late)",
        "pays principal of bill P3 300.00 (39 days late)",
        "pays penalty X3 41.90 (18 days late)",
        "pays penalty X4 25.20 (on its due day)",
    ]
    text = " ".join(" ".join(lines).split())
    assert (
        "M? yes, principal of bill B2, due 2023-03-10, was late from 2023-03-11 "
        "and paid off on 2023-06-18 = M" in text
    )
    assert (
        "✓ five_tier_assigned_on: 1 from the opening 2023-01-05; 2 from 2023-03-31 (month end "
        "2023-03-31: 21 days late); 1 from 2023-06-18 (month end 2023-06-30: nothing late, the day "
        "the last late item was paid) = 2023-06-18" in text
    )
    assert "2023-01 * 0 1; 2023-02 N 0 1; 2023-03 1 21 2; 2023-04 2 51 2; 2023-05 3 82 2; " in text


@pytest.mark.parametrize(
    "line",
    [
        "credit_limit: the limit in force since 2023-01-05 = 10,000.00",
        "balance: spent 4,000.00 - principal paid 1,200.00 - left over 0.00 - held 0.00 = 2,800.00",
        "amount_due: bill P3 300.00 = 300.00 (gross, without penalties)",
        "amount_paid: no repayments from 2023-05-01 to 2023-05-31 = 0.00",
        "last_paid_on: repayment R1 = 2023-02-09",
        "days_past_due: 2023-05-31 - 2023-03-10 = 82",
        "overdue_periods: due dates of late bill items: 2023-03-10, 2023-04-10, 2023-05-10 = 3",
        "overdue_total: penalty 97.90 + principal 2,800.00 = 2,897.90",
        "overdue_principal_31_60: bill B3 (51 days) 200.00 + bill P2 (51 days) 300.00 = 500.00",
        "overdue_principal_61_90: bill B2 (82 days) 1,700.00 + bill P1 (82 days) 300.00 = 2,000.00",
        "remaining_periods: due dates after 2023-05-31 among the bills known: none; unbilled: "
        "balance 2,800.00 less open bill principal 2,800.00 leaves 0.00 = 0",
        "repayment_status: B? no, no write-off; G? no, no transfer; C? no, not closed; 1-7? yes, "
        "82 days past due, more than 60 = 3",
        "episode_started_on: the oldest late due date at 2023-03-31, the first overdue month end "
        "of this episode = 2023-03-10",
    ],
)
def test_every_field_of_may_has_its_arithmetic(worked: Settings, line: str) -> None:
    assert f"✓ {line} " in " ".join(" ".join(told("HB1", MAY, worked)).split())


def test_what_is_open_says_why_it_is_late(worked: Settings) -> None:
    lines = told("HB1", MAY, worked)
    assert (
        "  principal of bill B2, due 2023-03-10: 1,700.00, 82 days past its due day: LATE" in lines
    )
    assert any(
        "penalty X3, due 2023-05-31: 41.90, of this very day: counts as overdue because" in line
        for line in lines
    )
    text = " ".join(" ".join(lines).split())
    assert "overdue_total 2,898, overdue_principal 2,800, overdue_principal_over_180 0" in text
    assert "All 24 fields equal the mart." in text


def test_a_bounced_payment_and_a_later_reversal(worked: Settings) -> None:
    text = " ".join(" ".join(told("JB1", MAY, worked)).split())
    assert (
        "repayment D2 of 305.00 of 2023-04-05 12:00:00, undone by reversal D4 of 2023-05-20 "
        "12:00:00 (the month ends before 2023-05 keep it)" in text
    )
    assert (
        "reversal D5 of 2023-06-02 12:00:00 undoes repayment D3 of 400.00 of 2023-04-10 12:00:00: "
        "a later reversal changes no earlier month" in text
    )
    assert "pays interest of bill I1 5.00 (5 days late)" in text
    assert "left over 95.00 is held, now 95.00" in text
    assert "money held pays principal of bill I2 90.00 (15 days before it is due; 210.00" in text
    # April in its own reading: D2 had paid the first instalment on its due day
    assert "2023-03 * 0 1; 2023-04 N 0 1; 2023-05 1 26 2" in text
    june = " ".join(" ".join(told("JB1", JUNE, worked)).split())
    assert "undone by reversal D5 of 2023-06-02 12:00:00 (the month ends before 2023-06" in june
    assert "the limit of agreement AG1 in force since 2023-03-05 = 5,000.00" in june


def test_grace_and_the_minimum(worked: Settings) -> None:
    text = " ".join(" ".join(told("CG1", MAY, worked)).split())
    assert "3 days of grace after the due day (a penalty: none); the minimum must be paid" in text
    # the column to the right of the story holds the balance before the line goes on
    assert (
        "bill G1 of 910.00, minimum 100.40, due 2023-05-29: fee 10.00, 900.00 principal 90.40"
        in text
    )
    assert "pays fee of bill G1 10.00 (1 day after its due day, in time)" in text
    assert (
        "principal of bill G1, due 2023-05-29: 40.40 of 90.40, 2 days past its due day, not late: "
        "grace runs to the end of 2023-06-01" in text
    )


@pytest.mark.nightly
def test_every_account_of_a_random_book_equals_the_mart(tmp_path: Path) -> None:
    policy = tmp_path / "policy.csv"
    write_policy(SEED, policy)
    settings = settings_in(tmp_path, policy=policy)
    book = write_random_book(Path(settings.landing), policy, seed=204, accounts=108)
    build_and_publish(settings, RANDOM_MONTH)
    with open_published(settings) as connection:
        cursor = connection.execute("select * from marts.repayment_status order by account_id")
        columns = {column[0] for column in cursor.description or []}
        accounts = [row[1] for row in cursor.fetchall()]
    assert len(accounts) > 60
    everything = explain(accounts, RANDOM_MONTH, settings)
    assert not everything.differences
    assert max(map(len, everything.lines)) <= WIDTH
    text = "\n".join(everything.lines)
    for column in columns - {"report_month", "account_id"}:
        assert text.count(f"  ✓ {column}: ") == len(accounts), column
    for customer in book.tables["customers"]:
        for personal in (customer["name"], customer["id_number"]):
            assert not personal or personal not in text


# --- the command ---------------------------------------------------------------------------------


@contextmanager
def home_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a command that works in this home."""
    with monkeypatch.context() as patch:
        patch.setenv("REPORTING_HOME", str(settings.home))
        patch.setenv("AIRFLOW_HOME", str(settings.home / "airflow"))
        yield


def command(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `reporting why ...`."""
    monkeypatch.setattr(sys, "argv", ["reporting", "why", *words])
    with pytest.raises(SystemExit) as exit_:
        app.main()
    return int(exit_.value.code or 0)


def test_a_customer_hears_of_each_account_and_an_account_of_itself(
    worked: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with home_of(worked, monkeypatch):
        assert command("C1", "--month", "2023-05", "--explain", monkeypatch=monkeypatch) == 0
        both = capsys.readouterr().out
        assert command("HB1", "--month", "2023-05", "--explain", monkeypatch=monkeypatch) == 0
        one = capsys.readouterr().out
        assert command("HB1", "--month", "2023-05", monkeypatch=monkeypatch) == 0
        plain = capsys.readouterr().out
    assert both.index("Rule: REPORTED") < both.index("Replay of account HB1, HUABEI")
    assert "Replay of account JB1, JIEBEI" in both
    assert "Replay of account HB1" in one
    assert "Replay of account JB1" not in one
    assert "Replay" not in plain


def test_a_difference_is_named_by_field_and_is_no_success(
    spoiled: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with home_of(spoiled, monkeypatch):
        assert command("HB1", "--month", "2023-05", "--explain", monkeypatch=monkeypatch) == 1
    output = capsys.readouterr()
    assert "= 2,800.00; BUT THE MART SAYS 2801.00" in " ".join(output.out.split())
    assert "DEFECT: 2 field(s) differ from the mart: balance, five_tier_assigned_on." in output.out
    assert "  ✓ amount_due" in output.out
    (line,) = output.err.splitlines()
    assert "HB1 balance is 2800.00 by the replay and 2801.00 in the mart" in line
    assert "five_tier_assigned_on is 2023-03-31 by the replay and none in the mart" in line
    explain(["JB1"], MAY, spoiled).require_equal()


def test_differences_are_raised_even_from_a_healthy_looking_text() -> None:
    with pytest.raises(DerivationsDiffer, match="A1 balance"):
        Explanation(["all fine"], ["A1 balance is 1.00 by the replay"]).require_equal()


def test_a_month_whose_store_is_gone_or_another_is_to_be_run_again(
    worked: Settings, tmp_path: Path
) -> None:
    settings = worked.model_copy(update={"home": tmp_path / "home"})
    shutil.copytree(worked.home, settings.home)
    again = "run `reporting run --month 2023-05 --as-of 2023-06-03T00:00:00` again"
    run = Run.of("2023-05", None, settings)
    with open_store(run, settings, read_only=False) as store:
        store.execute("update marts.built_months set run_id = 'another'")
    with pytest.raises(BadCall, match=f"another build than the published one.*{again}"):
        explain(["HB1"], MAY, settings)
    run.build_store(settings).unlink()
    with pytest.raises(BadCall, match=f"has no build store any more.*{again}"):
        explain(["HB1"], MAY, settings)
    explain(["HB1"], JUNE, settings).require_equal()


def test_an_account_that_was_not_open_has_nothing_to_replay(worked: Settings) -> None:
    lines = told("NOBODY", MAY, worked)
    assert lines == ["", "Account NOBODY was not open in 2023-05: nothing to replay."]


def test_whole_yuan_of_the_buckets_come_from_rounded_sums() -> None:
    names = ("balance", "amount_due", "amount_paid", "overdue_total", "overdue_principal")
    values: dict[str, object] = dict.fromkeys(names, Decimal("0.40")) | {
        "overdue_principal_over_180": Decimal("10.40"),
        "overdue_principal_91_180": Decimal("0.40"),
        "overdue_principal_61_90": Decimal("0.00"),
        "overdue_principal_31_60": Decimal("0.70"),
        "repayment_status": "7",
    }
    written = in_whole_yuan(values)
    assert written["balance"] == 1
    assert [written[f"overdue_principal_{name}"] for name in ("over_180", "91_180", "31_60")] == [
        10,  # 10.40
        1,  # 10.80 is 11
        1,  # 11.50 is 12
    ]
