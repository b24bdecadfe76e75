"""The book whose duties are tested, and the miniature that is spoilt to see each test fail."""

from collections.abc import Iterator

import duckdb
import pytest
from support.lender_months import Lender

from duties.tables import MINIATURE, Finds, Rows, book_tables


@pytest.fixture(scope="session")
def book(lender_book: Lender) -> Iterator[duckdb.DuckDBPyConnection]:
    """The duties' tables over the synthetic lender. Tests only read them."""
    with book_tables(lender_book) as connection:
        yield connection


@pytest.fixture
def finds() -> Finds:
    """What a query finds in the miniature once a row is spoilt; before, it finds nothing."""

    def found(query: str, spoil: str) -> Rows:
        with duckdb.connect() as connection:
            connection.execute(MINIATURE)
            assert connection.execute(query).fetchall() == []
            connection.execute(spoil)
            return connection.execute(query).fetchall()

    return found
