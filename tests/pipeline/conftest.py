"""One synthetic lender, three months of it run through the real pipeline, for all tests here."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook
from oracle.record_stories import add_stories
from oracle.worked_example import STOPS, add_examples

from reporting import pipeline
from reporting.publish import open_published
from reporting.run import Run
from reporting.settings import DBT_PROJECT, Settings
from reporting.synthetic import lender

MONTHS = ["2026-03", "2026-04", "2026-05"]
WORLD_MONTHS = [f"2023-{number:02d}" for number in range(1, 9)]
SHARED = Path(__file__).parents[3] / "shared"


@dataclass(frozen=True)
class Lender:
    """A home folder with a landing zone and the months that were built from it."""

    settings: Settings
    months: list[str]

    def run(self, month: str) -> Run:
        """A month at its default cut-off."""
        return Run.of(month, None, self.settings)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the published database."""
        with open_published(self.settings) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def rows(self, table: str, month: str) -> list[dict[str, Any]]:
        """A month of a published table as dictionaries."""
        with open_published(self.settings) as connection:
            cursor = connection.execute(
                f"select * from marts.{table} where report_month = ?",
                [date.fromisoformat(f"{month}-01")],
            )
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def build(settings: Settings, *months: str, as_of: str | None = None) -> Lender:
    """Run months through every step of the pipeline, each at its default cut-off unless given."""
    for month in months:
        pipeline.run_month(Run.of(month, as_of, settings), settings)
    return Lender(settings, list(months))


def settings_in(folder: Path, **choices: Any) -> Settings:
    """Settings of a home of its own."""
    return Settings(home=folder / "home", landing=str(folder / "landing"), **choices)


@pytest.fixture(scope="session")
def lender_book(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """Three months of a small synthetic lender. Tests only read it."""
    settings = settings_in(tmp_path_factory.mktemp("lender"))
    lender.generate(Path(settings.landing), accounts=2000, months=12, seed=7)
    return build(settings, *MONTHS)


@pytest.fixture
def raw() -> Any:
    """A function that reads a raw table of a landing zone as delivered."""

    def read(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            for folder in Path(settings.landing).iterdir():
                if folder.is_dir():
                    files = f"read_parquet('{folder}/**/*.parquet', union_by_name = true)"
                    connection.execute(f"create view {folder.name} as select * from {files}")
            return connection.execute(sql).fetchall()

    return read


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """The worked example, its variants and other lives, run month by month. Tests only read it."""
    folder = tmp_path_factory.mktemp("world")
    policy = folder / "policy.csv"
    seed = (DBT_PROJECT / "seeds" / "product_policy.csv").read_text(encoding="utf-8")
    huabei = next(line for line in seed.splitlines() if line.startswith("HUABEI,"))
    stops = huabei.replace("HUABEI,", f"{STOPS},").replace(",run_off", ",stop")
    policy.write_text(f"{seed.rstrip()}\n{stops}\n", encoding="utf-8")
    settings = settings_in(folder, policy=policy)
    book = RawBook()
    add_examples(book)
    add_stories(book)
    write(book, Path(settings.landing))
    return build(settings, *WORLD_MONTHS)
