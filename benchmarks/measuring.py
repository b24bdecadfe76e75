"""A command's wall time and the peak memory of it and all its children, read from /proc."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

EVERY = 0.2  # seconds between two looks at the memory
PAGE = os.sysconf("SC_PAGE_SIZE")
SESSION, RESIDENT = 3, 21  # fields of /proc/<pid>/stat after the name (man 5 proc)
PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "apache-airflow")
ON_SPARK = ("pyspark", "dbt-spark")
OTHERS = ("polars", "pandas", "pyarrow", "lxml", "pandera")  # of the other environment


def measure(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run a command to its end: `seconds`, `peak_bytes` and what it printed (`output`).

    The peak is the sum of what the command and its children held at one moment. Raises SystemExit
    with the last lines of the output if the command fails.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # by which the children are found
    ) as process:
        peak, output = 0, ""
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            try:
                output, _ = process.communicate(timeout=EVERY)
            except subprocess.TimeoutExpired:
                continue
        seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-2000:]}")
    return {"seconds": round(seconds, 3), "peak_bytes": peak, "output": output}


def _resident(session: int) -> int:
    """What all processes of a session hold in memory, in bytes."""
    pages = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # the process has ended meanwhile
        if int(fields[SESSION]) == session:
            pages += int(fields[RESIDENT])
    return pages * PAGE


def machine() -> dict[str, str]:
    """The processor, its cores and the memory."""
    cpu = _line_of("/proc/cpuinfo", "model name")
    memory = int(_line_of("/proc/meminfo", "MemTotal").split()[0])
    return {
        "processor": cpu or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 1024**2:.1f} GB",
        "system": platform.platform(),
    }


def _line_of(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""


def versions(other_python: Path, spark_python: Path) -> dict[str, str]:
    """The versions of Python and of what does the work, here and in the other environments."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        found[package] = version(package)
    for python, packages in ((other_python, OTHERS), (spark_python, ON_SPARK)):
        if python.exists():
            script = "from importlib.metadata import version\n"
            script += f"for name in {packages}: print(name, version(name))"
            output = subprocess.run(
                [str(python), "-c", script], capture_output=True, text=True, check=True
            ).stdout
            found |= dict(line.split() for line in output.splitlines())
    return found
