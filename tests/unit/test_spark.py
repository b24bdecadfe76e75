"""What a run on Spark refuses and how it reads a landing zone; none of it needs Spark."""

from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from reporting.core.errors import BadCall, DataNotFit
from reporting.core.raw_contract import raw_contract
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.landing.files import Feed
from reporting.landing.select_sql import empty_select
from reporting.landing.zone import LandingZone
from reporting.pipeline import steps
from reporting.transform import spark

SCORES = next(table for table in raw_contract() if table.name == "internal_scores")
A_SCORE = (
    "select 'C1' as customer_id, date '2026-05-01' as scored_on, 700.5::decimal(9, 2) as score, "
    "timestamp '2026-05-01 10:00:00' as recorded_at"
)


@pytest.mark.skipif(find_spec("pyspark") is not None, reason="Spark is in this environment")
def test_without_spark_the_first_step_says_what_to_install(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, landing=str(tmp_path), engine="spark")
    with pytest.raises(BadCall, match=r"REPORTING_ENGINE=spark.*requirements-spark\.txt"):
        steps.land(Run.of("2026-05", None, settings), settings)


@pytest.mark.parametrize(
    ("sql", "name", "is_read_in_place"),
    [
        (A_SCORE, "a.parquet", True),
        (A_SCORE, "month=5/a.parquet", True),
        (A_SCORE.replace("(9, 2)", "(8, 2)"), "a.parquet", False),
        (A_SCORE, "a.csv", False),
        (A_SCORE, "A.PARQUET", False),
        (A_SCORE, "a b.parquet", False),
    ],
)
def test_only_files_of_the_contracts_types_are_read_in_place(
    tmp_path: Path, sql: str, name: str, is_read_in_place: bool
) -> None:
    path = tmp_path / SCORES.name / name
    path.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy ({sql}) to '{path}'")
        feed = Feed(SCORES, LandingZone.of(str(tmp_path)), connection)
        assert spark.lies_as_the_contract_says(feed) is is_read_in_place


def test_what_came_after_the_landing_check_stops_the_month() -> None:
    run = Run.of("2026-05", None, Settings())
    with duckdb.connect() as store:
        store.execute("create schema raw; create schema marts")
        for table in raw_contract():
            store.execute(f"create table raw.{table.name} as {empty_select(table)}")
        names = ", ".join(f"('{table.name}', 0)" for table in raw_contract())
        store.execute(f"create table marts.feed_counts as from (values {names}) t(table_name, n)")
        store.execute("alter table marts.feed_counts rename n to delivered")
        spark.require_same_rows(store, run)
        store.execute("update marts.feed_counts set delivered = 1 where table_name = 'bills'")
        with pytest.raises(DataNotFit, match="table bills: 0 rows were landed and 1"):
            spark.require_same_rows(store, run)
