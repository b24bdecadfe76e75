"""Shared by all tests: one synthetic lender, three months of it run through the real pipeline.

The place of this file lets the tests import the oracle as ``oracle``.
"""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from lender_months import MONTHS, Lender, build, settings_in

from reporting.settings import Settings
from reporting.synthetic import lender

# Books that take a minute to build: the files that read one stay together in one process.
SHARED_BOOKS = ("world", "disorderly_book", "lender_book", "fast_build")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell pytest-xdist which tests stay in one process: a file, and files that share a book."""
    books: dict[Path, set[str]] = {}
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        books.setdefault(item.path, set()).update(used & set(SHARED_BOOKS))
    for item in items:
        shared = [book for book in SHARED_BOOKS if book in books[item.path]]
        item.add_marker(pytest.mark.xdist_group(shared[0] if shared else str(item.path)))


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
