"""Airflow as a deployment has it: its own tables in PostgreSQL, tasks by the LocalExecutor.

The month is built by the real DAG. A DAG of another owner hangs on its asset.
"""

import json
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest
from support.airflow_server import AirflowServer, needs_make, running_airflow, wait_until
from support.lender_months import settings_in
from support.postgres import needs_postgres, running_postgres

from reporting.core.settings import PROJECT_ROOT
from reporting.store.submission_ledger import run_states
from reporting.synthetic.lender import generate

pytestmark = [needs_make, needs_postgres, pytest.mark.nightly]

MONTH = "2026-05"
DAG = "/dags/monthly_credit_reporting"
CONSUMER = "/dags/month_consumer"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
BUNDLES = [
    {"name": name, "classpath": LOCAL, "kwargs": {"path": str(PROJECT_ROOT / folder)}}
    for name, folder in {"reporting": "dags", "consumers": "tests/fixtures/dags"}.items()
]


def ended(server: AirflowServer, dag: str, run: str) -> str:
    """How a run ended."""

    def state() -> str:
        return str(server.get(f"{dag}/dagRuns/{quote(run)}")["state"])

    wait_until(lambda: state() in ("success", "failed"))
    return state()


def build(server: AirflowServer, month: str) -> str:
    """Start a month by the API; how it ended."""
    with server.client("builder") as client:
        body = {"logical_date": None, "conf": {"month": month}}
        run = client.post(f"{DAG}/dagRuns", json=body).raise_for_status().json()
    return ended(server, DAG, run["dag_run_id"])


def test_a_month_is_built_and_another_dag_runs_for_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    generate(settings.landing_folder, accounts=120, months=2, seed=1)
    with running_postgres() as database:
        variables = {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        }
        with running_airflow(settings, variables) as server:
            wait_until(lambda: server.get("/dags")["total_entries"] == 4)
            assert build(server, MONTH) == "success"
            wait_until(lambda: server.get(f"{CONSUMER}/dagRuns")["dag_runs"])
            [run] = server.get(f"{CONSUMER}/dagRuns")["dag_runs"]
            assert (run["partition_key"], run["run_type"]) == (MONTH, "asset_triggered")
            assert ended(server, CONSUMER, run["dag_run_id"]) == "success"
            task = f"{CONSUMER}/dagRuns/{quote(run['dag_run_id'])}/taskInstances/read"
            read = server.get(f"{task}/xcomEntries/return_value?deserialize=true")["value"]
    assert not (server.home / "airflow.db").exists()  # all of it was in PostgreSQL
    [state] = run_states(settings)
    assert (read["month"], read["run_id"]) == (MONTH, state.run_id)
    assert read["files_digest"] == state.files_digest
    assert read["records"] == sum(file["records"] for file in read["files"]) > 0
    for file in read["files"]:
        written = settings.submissions / file["reporter"] / MONTH / file["name"]
        assert file["sha256"] == sha256(written.read_bytes()).hexdigest()
