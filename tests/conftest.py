"""Shared by all tests: one synthetic lender, three months of it run through the real pipeline.

The place of this file lets the tests import the oracle as ``oracle``.
"""

import gc
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.lender_months import MONTHS, Lender, build, settings_in
from xdist.scheduler import LoadScopeScheduling

from reporting.cli.app import GARBAGE_AFTER
from reporting.core.settings import Settings
from reporting.synthetic import lender

# As in the command: the libraries' half a million objects are seldom searched for garbage.
gc.set_threshold(GARBAGE_AFTER)

# The processes share the cores, and so do their engines: one thread each, two for the book that
# most tests read and, by `make test-all`, for all.
os.environ.setdefault("REPORTING_THREADS", "1")

# Books that take a minute to build: the files that read one stay together in one process, and come
# first, since they take longest.
SHARED_BOOKS = ("built", "lender_book", "world", "disorderly_book", "fast_build")
OF_FOLDER = {"duties": "lender_book", "submission": "built"}  # by way of the folder's fixtures


@cache
def shared_book(file: str) -> str | None:
    """The shared book that a file of tests reads."""
    folder = Path(file).parent.name
    text = (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
    names = (name for name in SHARED_BOOKS[1:] if re.search(rf"\b{name}\b", text))
    return OF_FOLDER.get(folder) or next(names, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of shared books first."""
    order = [*SHARED_BOOKS, None]
    items.sort(key=lambda item: order.index(shared_book(item.nodeid.partition("::")[0])))


class OneBookOneProcess(LoadScopeScheduling):
    """Tests of one file stay in one process, and so do files that read the same shared book."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return shared_book(file) or file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBookOneProcess:
    """Called by pytest-xdist where several processes share the work."""
    return OneBookOneProcess(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One process more than cores: a test waits now and then for a server or a disk."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # as somebody wishes
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def lender_book(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """Three months of a small synthetic lender. Tests only read it."""
    settings = settings_in(tmp_path_factory.mktemp("lender"), threads=2)
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
