"""More than one machine: a month on a cluster of two workers is DuckDB's month, also if one dies.

The cluster is real processes: a master, two workers with an executor each, and the driver. They
share the home folder. Needs PySpark, dbt-spark and Java: `make test-spark`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.airflow_server import processes_of, wait_until
from support.lender_months import build
from support.spark_cluster import SparkCluster, Worker, running_cluster
from support.two_engines import compared_month, give_same_key, require_same, spark_tables

from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline.airflow import reporting_variables
from reporting.synthetic import lender
from reporting.transform.spark import ENDED_EARLY

pytest.importorskip("pyspark", reason="Spark has an environment of its own: make test-spark")
pytest.importorskip("dbt.adapters.spark", reason="as above")

MONTH = "2026-05"
SOME_TABLES = 10  # of some ninety: the ledger is still to come


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small lender's month as DuckDB builds it. Tests only read it."""
    folder = tmp_path_factory.mktemp("duckdb")
    settings = Settings(home=folder / "home", landing=str(folder / "landing"), notice_lead_days=1)
    lender.generate(Path(settings.landing), accounts=400, months=12, seed=7)
    give_same_key(settings)
    build(settings, MONTH)
    return settings


def on_cluster(cluster: SparkCluster, on_duckdb: Settings) -> Settings:
    """The settings of the same month, in a home of its own, on a cluster."""
    changes = {
        "home": cluster.folder / "home",
        "engine": "spark",
        "spark_master": cluster.master,
    }
    settings = on_duckdb.model_copy(update=changes)
    give_same_key(settings)
    return settings


@contextmanager
def running_month(cluster: SparkCluster, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """The month as its command runs it; its processes end with the test."""
    command = subprocess.Popen(
        [sys.executable, "-m", "reporting", "run", "--month", MONTH],
        env=os.environ | reporting_variables(settings) | cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield command
    finally:
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
            command.wait()


def is_over(command: subprocess.Popen[str]) -> bool:
    return command.poll() is not None


def is_under_way(cluster: SparkCluster, tables: Path) -> bool:
    """Whether some tables are finished, and each worker has done tasks for them."""
    done = [one["completedTasks"] for one in cluster.executors().values()]
    finished = [*tables.glob("*.db/*/_SUCCESS")]
    return len(done) == len(cluster.workers) and all(done) and len(finished) >= SOME_TABLES


def require_done(command: subprocess.Popen[str]) -> None:
    said, _ = command.communicate()
    assert command.returncode == 0, said


def test_two_workers_build_what_duckdb_builds(tmp_path: Path, on_duckdb: Settings) -> None:
    with running_cluster(tmp_path, workers=2) as cluster:
        settings = on_cluster(cluster, on_duckdb)
        stop_for_a_cluster_that_is_not_there(cluster, settings)
        kill_the_command(cluster, settings)
        with running_month(cluster, settings) as command:
            require_done(command)
        done = [executor for executor, end in cluster.ends_of_tasks() if end == "Success"]
        for worker in cluster.workers:
            (executor,) = worker.executors
            assert done.count(executor) > SOME_TABLES
    require_same([*compared_month(Run.of(MONTH, None, on_duckdb), on_duckdb, settings)])


def stop_for_a_cluster_that_is_not_there(cluster: SparkCluster, settings: Settings) -> None:
    """One line says where to read why."""
    nowhere = settings.model_copy(update={"spark_master": "spark://127.0.0.1:9"})
    with running_month(cluster, nowhere) as command:
        said, _ = command.communicate()
    assert command.returncode == 1
    assert ENDED_EARLY in said.splitlines()[-1]


def kill_the_command(cluster: SparkCluster, settings: Settings) -> None:
    """A killed command leaves no Spark that works on and writes into the tables of the next run."""
    tables = spark_tables(Run.of(MONTH, None, settings), settings)
    with running_month(cluster, settings) as command:
        wait_until(lambda: is_over(command) or is_under_way(cluster, tables))
        assert processes_of(command.pid) > {command.pid}
        command.kill()
        wait_until(lambda: not processes_of(command.pid))


def test_a_month_outlives_a_worker_that_is_killed(tmp_path: Path, on_duckdb: Settings) -> None:
    with running_cluster(tmp_path, workers=2) as cluster:
        settings = on_cluster(cluster, on_duckdb)
        tables = spark_tables(Run.of(MONTH, None, settings), settings)
        with running_month(cluster, settings) as command:
            wait_until(lambda: is_over(command) or is_under_way(cluster, tables))
            killed = kill_at_work(cluster.workers[0], cluster, command)
            require_done(command)
        assert (killed, "ExecutorLostFailure") in cluster.ends_of_tasks()
    require_same([*compared_month(Run.of(MONTH, None, on_duckdb), on_duckdb, settings)])


def kill_at_work(worker: Worker, cluster: SparkCluster, command: subprocess.Popen[str]) -> str:
    """Kill a worker and its executor while the executor has tasks; returns the executor's number.

    It is first stopped, so that the tasks which it is given stay undone.
    """
    (executor,) = worker.executors
    worker.signal(signal.SIGSTOP)
    wait_until(lambda: is_over(command) or cluster.executors()[executor]["activeTasks"])
    assert not is_over(command), command.communicate()
    worker.signal(signal.SIGKILL)
    return executor
