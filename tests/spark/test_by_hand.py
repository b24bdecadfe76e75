"""The status by hand in Spark SQL, beside which our models are measured, is the mart's status.

It is run as the benchmark runs it. Needs PySpark and Java: `make test-spark`.
"""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from support.lender_months import build, settings_in
from support.two_engines import parquet

from reporting.core.run import Run
from reporting.core.settings import PROJECT_ROOT
from reporting.pipeline.airflow import reporting_variables
from reporting.store.published import published_file
from reporting.synthetic import lender

pytest.importorskip("pyspark", reason="Spark has an environment of its own: make test-spark")

MONTH = "2026-05"
SAME = (
    *("account_id", "report_date", "repayment_status", "account_status", "credit_limit"),
    *("amount_due", "amount_paid", "last_paid_on", "days_past_due", "overdue_periods"),
    *("overdue_total", "overdue_principal", "oldest_unpaid_due_on", "remaining_periods"),
    *("five_tier_class", "five_tier_assigned_on"),
)


def test_the_status_by_hand_is_the_mart(tmp_path: Path) -> None:
    landing, out = tmp_path / "landing", tmp_path / "status"
    settings = settings_in(tmp_path)
    lender.generate(landing, accounts=1000, months=12, seed=7)
    build(settings, MONTH)
    script = PROJECT_ROOT / "benchmarks" / "status_spark.py"
    done = subprocess.run(
        [sys.executable, str(script), str(landing), str(out), "--by", "hand"],
        env=os.environ | reporting_variables(settings) | {"REPORTING_SPARK_MASTER": "local[2]"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run = Run.of(MONTH, None, settings)
    columns = f"{', '.join(SAME)}, cast(greatest(balance, 0) as decimal(18, 2)) as balance"
    mart = f"select {columns} from {parquet(published_file(settings, 'repayment_status', run))}"
    by_hand = f"select {columns} from {parquet(out / '*.parquet')}"
    assert len(duckdb.sql(mart)) > 500
    assert len(duckdb.sql(f"select distinct repayment_status from ({mart})")) > 5
    for one, other in ((mart, by_hand), (by_hand, mart)):
        assert duckdb.sql(f"({one}) except all ({other})").fetchall() == []
