"""Books that no lender would want: the marts must equal the replay on every field."""

from pathlib import Path

import duckdb
import pytest
from oracle.book import expected_month
from oracle.random_books import write_policy, write_random_book
from support.derivations import PLACES, differences
from support.lender_months import settings_in
from support.nightly import first

from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT
from reporting.pipeline import steps
from reporting.store.build_store import open_store

BOOKS = [
    (101, "2025-12", None),
    (102, "2026-02", "2026-03-01"),
    (103, "2026-04", "2026-05-09T12:00:00"),
]


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, object]]:
    cursor = connection.execute(f"select * from marts.{table}")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize(("seed", "month", "as_of"), first(1, BOOKS))
def test_two_derivations_agree(tmp_path: Path, seed: int, month: str, as_of: str | None) -> None:
    policy = tmp_path / "policy.csv"
    write_policy(DBT_PROJECT / "seeds" / "product_policy.csv", policy)
    settings = settings_in(tmp_path, policy=policy, notice_lead_days=seed % 3)
    write_random_book(Path(settings.landing), policy, seed)
    run = Run.of(month, as_of, settings)
    steps.land(run, settings)
    steps.build_marts(run, settings)

    expected = expected_month(
        Path(settings.landing), policy, run.month, run.as_of, settings.notice_lead_days
    )
    with open_store(run, settings) as store:
        assert not differences(expected.repayment_status, rows(store, "repayment_status"))
        assert not differences(expected.reportable_population, rows(store, "reportable_population"))
        counts = {row["table_name"]: row for row in rows(store, "feed_counts")}
    for table, places in expected.staged.counts.items():
        assert [counts[table][place] for place in PLACES] == [places.get(p, 0) for p in PLACES], (
            table
        )
