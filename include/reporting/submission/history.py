"""What was sent about each account, month by month, as the strings that analysts read."""

from pathlib import Path

import duckdb

QUERY = Path(__file__).with_name("repayment_history.sql")


def build_repayment_history(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``marts.repayment_history`` from this run's journal and those of earlier runs."""
    query = QUERY.read_text(encoding="utf-8")
    connection.execute(f"create or replace table marts.repayment_history as {query}")
