"""Spark's standalone cluster on this machine: a master and workers, each a process of its own.

Everything listens on 127.0.0.1 alone. What a cluster is configured by stands in one folder, as it
would on real machines: `spark-env.sh` and `spark-defaults.conf`.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from support.airflow_server import PATIENCE, wait_until

ENVIRONMENT = """\
SPARK_LOCAL_IP=127.0.0.1
SPARK_LOCAL_DIRS={spill}
SPARK_DAEMON_MEMORY=256m
"""
DEFAULTS = """\
spark.driver.memory            2g
spark.executor.memory          1g
spark.sql.shuffle.partitions   4
spark.ui.port                  {ui_port}
# a path without a scheme is not of the shared folder
spark.hadoop.fs.defaultFS      hdfs://127.0.0.1:9
spark.eventLog.enabled         true
spark.eventLog.dir             file:{events}
spark.eventLog.rolling.enabled false
spark.eventLog.compress        false
# rows of persons travel between the machines and lie on their disks
spark.authenticate             true
spark.authenticate.secret      {secret}
spark.network.crypto.enabled   true
spark.io.encryption.enabled    true
# else whoever reaches its port may start programs, without the secret
spark.master.rest.enabled      false
"""


@dataclass(frozen=True)
class Worker:
    """A worker: its processes are the group of the first, its executors have folders in its own."""

    folder: Path
    group: int

    @property
    def executors(self) -> set[str]:
        """The numbers of the executors that it has started, whatever became of them."""
        return {path.name for path in self.folder.glob("app-*/*")}

    def signal(self, number: int) -> None:
        """Send a signal to the worker and its executors at once."""
        os.killpg(self.group, number)


@dataclass(frozen=True)
class SparkCluster:
    """A running cluster."""

    folder: Path
    master: str
    workers: list[Worker]
    ui_port: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a program finds the cluster's configuration."""
        return {"SPARK_CONF_DIR": str(self.folder / "conf")}

    @property
    def events(self) -> list[dict[str, Any]]:
        """What Spark has noted of the last program that ran here."""
        log = max((self.folder / "events").glob("app-*"))
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]

    def executors(self) -> dict[str, dict[str, Any]]:
        """The executors of the running program as its driver sees them; none before it starts."""
        address = f"http://127.0.0.1:{self.ui_port}/api/v1/applications"
        try:
            (program,) = httpx.get(address).raise_for_status().json()
            found = httpx.get(f"{address}/{program['id']}/executors").raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return {}
        return {one["id"]: one for one in found if one["id"] != "driver"}

    def ends_of_tasks(self) -> list[tuple[str, str]]:
        """The executor of each task, and how it ended in Spark's words; by the event log."""
        return [
            (event["Task Info"]["Executor ID"], event["Task End Reason"]["Reason"])
            for event in self.events
            if event["Event"] == "SparkListenerTaskEnd"
        ]


@contextmanager
def running_cluster(folder: Path, workers: int) -> Iterator[SparkCluster]:
    """A cluster of workers with one core each; all its processes end with it."""
    port, page, ui_port = _free_ports(3)
    events, conf = folder / "events", folder / "conf"
    events.mkdir(parents=True)
    conf.mkdir()
    (conf / "spark-env.sh").write_text(ENVIRONMENT.format(spill=folder / "spill"), encoding="utf-8")
    settings = DEFAULTS.format(ui_port=ui_port, events=events, secret=secrets.token_hex(16))
    (conf / "spark-defaults.conf").write_text(settings, encoding="utf-8")
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:

        def start(name: str, *arguments: object) -> int:
            return stack.enter_context(_daemon(folder, name, *arguments))

        start("Master", *("--host", "127.0.0.1", "--port", port, "--webui-port", page))
        places = [folder / f"worker_{number}" for number in range(workers)]
        size = ("--cores", 1, "--memory", "1g", "--host", "127.0.0.1", "--webui-port", 0)
        started = [
            Worker(place, start("Worker", *size, "--work-dir", place, master)) for place in places
        ]
        wait_until(lambda: _workers_known(page) == workers)
        yield SparkCluster(folder, master, started, ui_port)


@contextmanager
def _daemon(folder: Path, name: str, *arguments: object) -> Iterator[int]:
    """A part of the cluster in a process group of its own, killed with what it has started."""
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    home = Path(spec.origin).parent
    with (folder / f"{name.lower()}.log").open("a") as log:
        process = subprocess.Popen(
            [
                *(home / "bin" / "spark-class", f"org.apache.spark.deploy.{name.lower()}.{name}"),
                *map(str, arguments),
            ],
            env=os.environ | {"SPARK_HOME": str(home), "SPARK_CONF_DIR": str(folder / "conf")},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        with suppress(ProcessLookupError):  # the test may have killed it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _workers_known(page: int) -> int:
    """How many workers the master has; none before it answers."""
    try:
        return int(httpx.get(f"http://127.0.0.1:{page}/json/").json()["aliveworkers"])
    except (httpx.HTTPError, ValueError):
        return 0


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
