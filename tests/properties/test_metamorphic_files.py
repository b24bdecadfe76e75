"""What must not change a month, from the landing zone to the bytes of the files.

The same small lender three times under one hash key: as it is, two months; delivered in another
way, growing month by month; and its second month with payments split in two and a stranger in it.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook

from properties.hand_made import Account
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.records.hash_key import hash_key
from reporting.store.published_database import open_published
from reporting.synthetic import lender

pytestmark = pytest.mark.nightly  # shorter tests hold parts of it

MONTHS = ("2026-03", "2026-04")
STRANGER = "STRANGER"
# Published tables that tell of the delivery, not of anybody: how many rows came and what was found
# in them, when, and the digest of the files.
OF_THE_DELIVERY = {
    "feed_counts",
    "batch_figures",
    "data_quality_results",
    "built_months",
    "quarantined_rows",
}
COUNTS_EVERYBODY = {"connected_groups"}  # a stranger is one more there
Deliver = Callable[[duckdb.DuckDBPyConnection, str, Path], None]  # of a raw table into its folder


@dataclass(frozen=True)
class Home:
    """A home in which the months were built."""

    settings: Settings

    def files(self) -> dict[str, list[str]]:
        """Every file of every submission, by its path, as lines."""
        root = self.settings.submissions
        return {
            path.relative_to(root).as_posix(): path.read_text(encoding="utf-8").splitlines()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every published table that tells of somebody, all months, in a fixed order."""
        with open_published(self.settings) as connection:
            names = [row[0] for row in connection.execute("show tables from marts").fetchall()]
            return {
                name: connection.execute(f"from marts.{name} order by all").fetchall()
                for name in names
                if name not in OF_THE_DELIVERY
            }

    def counts(self) -> dict[tuple[date, str], dict[str, int]]:
        """Month and raw table -> where the delivered rows went."""
        with open_published(self.settings) as connection:
            cursor = connection.execute("from marts.feed_counts")
            names = [column[0] for column in cursor.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {(row.pop("report_month"), row.pop("table_name")): row for row in rows}


def settings_of(folder: Path) -> Settings:
    return Settings(home=folder / "home", landing=str(folder / "landing"))


def run_months(settings: Settings, before_each: Callable[[Run], None]) -> Home:
    for month in MONTHS:
        run = Run.of(month, None, settings)
        before_each(run)
        steps.run_month(run, settings)
    return Home(settings)


def deliver(source: Path, settings: Settings, one: Deliver) -> None:
    """A landing zone made anew from another one, table by table."""
    shutil.rmtree(settings.landing, ignore_errors=True)
    with duckdb.connect() as connection:
        for folder in sorted(path for path in source.iterdir() if path.is_dir()):
            connection.execute(
                f"create or replace view delivered as from read_parquet('{folder}/**/*.parquet')"
            )
            target = Path(settings.landing) / folder.name
            target.mkdir(parents=True)
            one(connection, folder.name, target)


@pytest.fixture(scope="module")
def as_it_is(tmp_path_factory: pytest.TempPathFactory) -> Home:
    settings = settings_of(tmp_path_factory.mktemp("as_it_is"))
    lender.generate(Path(settings.landing), accounts=150, months=8, seed=5)
    return run_months(settings, lambda _: None)


def beside(home: Home, folder: Path) -> Settings:
    """Settings of another home that hashes under the same key."""
    settings = settings_of(folder)
    key = settings.home / "secure" / "hash.key"
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_bytes(hash_key(home.settings, ()))
    return settings


# --- another delivery of the same rows -----------------------------------------------------------


@pytest.fixture(scope="module")
def delivered_otherwise(as_it_is: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Month by month only what is recorded by its cut-off: shuffled, in three files, and twice."""
    settings = beside(as_it_is, tmp_path_factory.mktemp("delivered_otherwise"))

    def grow(run: Run) -> None:
        def one(connection: duckdb.DuckDBPyConnection, _: str, target: Path) -> None:
            known = f"from delivered as row where not coalesce(recorded_at > '{run.as_of}', false)"
            for part in range(3):
                path = target / f"part={part}" / "extract.parquet"
                path.parent.mkdir()
                connection.execute(
                    f"copy (select * {known} and hash(row) % 3 = {part} order by hash(row)) "
                    f"to '{path}' (format parquet)"
                )
            connection.execute(
                f"copy (select * {known} order by hash(row) desc) to '{target}/again.parquet'"
            )

        deliver(Path(as_it_is.settings.landing), settings, one)

    return run_months(settings, grow)


def test_another_delivery_of_the_same_rows_changes_no_byte(
    as_it_is: Home, delivered_otherwise: Home
) -> None:
    before = as_it_is.files()
    assert len(before) >= 2 * 4
    assert sum(len(lines) for lines in before.values()) > 100
    assert delivered_otherwise.files() == before


def test_another_delivery_of_the_same_rows_changes_no_row(
    as_it_is: Home, delivered_otherwise: Home
) -> None:
    before, after = as_it_is.tables(), delivered_otherwise.tables()
    assert {"repayment_status", "reportable_population", "submission_records"} <= before.keys()
    for name, rows in before.items():
        assert after[name] == rows, name


def test_another_delivery_of_the_same_rows_leaves_the_same_good_rows(
    as_it_is: Home, delivered_otherwise: Home
) -> None:
    before, after = as_it_is.counts(), delivered_otherwise.counts()
    assert before.keys() == after.keys()
    for key, places in before.items():
        for place in ("good", "superseded"):
            assert after[key][place] == places[place], (key, place)
        assert after[key]["duplicates"] > places["duplicates"]


# --- split payments and a stranger ---------------------------------------------------------------


def stranger_book() -> RawBook:
    """An account that has nothing to do with anybody, authorized and reported."""
    book = RawBook()
    stranger = Account(book, STRANGER, "2026-02-01", "HUABEI", {})
    stranger.spend("2026-02-05", 300)
    stranger.bill("2026-03-01", "2026-03-10", 300)
    stranger.repay("2026-03-10", 300)
    return book


# A payment that is never taken back, and of more than a yuan in each of its versions.
IS_SPLIT = """coalesce(
    transaction_id in (
        select transaction_id from delivered group by all
        having min(amount) > 1 and bool_and(transaction_type = 'repayment')
    )
    and transaction_id not in (
        select reverses_transaction_id from delivered where reverses_transaction_id is not null
    ),
    false
)"""
SPLIT = f"""
    select * replace (cast(amount - 0.37 as decimal(18, 2)) as amount)
    from delivered where {IS_SPLIT}
    union all
    select * replace (
        cast(0.37 as decimal(18, 2)) as amount, transaction_id || 'B' as transaction_id
    )
    from delivered where {IS_SPLIT}
    union all
    from delivered where not {IS_SPLIT}
"""


@pytest.fixture(scope="module")
def with_a_stranger(as_it_is: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The second month again, with every payment in two and one more customer."""
    settings = settings_of(tmp_path_factory.mktemp("with_a_stranger"))
    shutil.copytree(as_it_is.settings.home, settings.home)

    def one(connection: duckdb.DuckDBPyConnection, table: str, target: Path) -> None:
        rows = SPLIT if table == "transactions" else "from delivered"
        connection.execute(f"copy ({rows}) to '{target}/book.parquet' (format parquet)")

    deliver(Path(as_it_is.settings.landing), settings, one)
    write(stranger_book(), Path(settings.landing))
    steps.run_month(Run.of(MONTHS[-1], None, settings), settings)
    return Home(settings)


def of_a_stranger(row: object) -> bool:
    return STRANGER in str(row)


def test_halves_of_payments_and_a_stranger_change_no_other_line(
    as_it_is: Home, with_a_stranger: Home
) -> None:
    before, after = as_it_is.files(), with_a_stranger.files()
    assert before.keys() == after.keys()
    added = 0
    for name, lines in before.items():
        if name.endswith(".txt"):  # the header counts the lines, the manifest hashes them
            own = [line for line in after[name][1:] if of_a_stranger(line)]
            assert [line for line in after[name][1:] if line not in own] == lines[1:], name
            added += len(own)
    assert added == 3  # the person, the agreement and the account


def test_halves_of_payments_and_a_stranger_change_no_other_row(
    as_it_is: Home, with_a_stranger: Home
) -> None:
    before, after = as_it_is.tables(), with_a_stranger.tables()
    for name in before.keys() - COUNTS_EVERYBODY:
        assert [row for row in after[name] if not of_a_stranger(row)] == before[name], name
    for name in ("repayment_status", "reportable_population"):
        assert len(after[name]) == len(before[name]) + 1


def test_halves_of_payments_are_counted(as_it_is: Home, with_a_stranger: Home) -> None:
    before, after = as_it_is.counts(), with_a_stranger.counts()
    month = date.fromisoformat(f"{MONTHS[-1]}-01")
    for table, rows in stranger_book().tables.items():
        more = after[month, table]["good"] - before[month, table]["good"]
        assert more > 100 if table == "transactions" else more == len(rows), table
