"""Kill a month's run at random moments and show that the next run leaves every byte right.

    python benchmarks/reliability.py --kills 20 --seed 16

Each round copies a home in which the month before is built, starts ``reporting run``, kills its
process group after a random part of the time that a whole run takes, runs the month again and
compares submission folders, notices and published tables with those of a run that was not killed.
Nothing half written, spilled or left aside may remain. Prints one line a round, and the sum.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

MONTHS = ("2026-04", "2026-05")
LEFTOVERS = ("*.partial*", ".*.old", "*.tmp", "*.wal", ".*.unfinished")
COMPARED = ("submissions", "notices", "published")


def command(home: Path, landing: Path, *words: str) -> subprocess.Popen[bytes]:
    """`reporting ...` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "reporting", *words],
        env=os.environ | {"REPORTING_HOME": str(home), "REPORTING_LANDING": str(landing)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that must end well."""
    _, words = process.communicate()
    if process.returncode:
        raise SystemExit(words.decode())


def digests(home: Path) -> dict[str, str]:
    """What a month hands out, by path: hidden builds and the database of views name their place."""
    return {
        str(path.relative_to(home)): hashlib.sha256(content(path)).hexdigest()
        for folder in COMPARED
        for path in sorted((home / folder).rglob("*"))
        if path.is_file() and ".builds" not in path.parts and path.suffix != ".duckdb"
    }


def content(path: Path) -> bytes:
    """The bytes of a file; of the check results the rows without the time of evaluation."""
    if "data_quality_results" not in path.parts:
        return path.read_bytes()
    rows = duckdb.read_parquet(str(path)).project("* exclude (evaluated_at)")
    return repr(rows.fetchall()).encode()


def leftovers(home: Path) -> list[str]:
    """What a killed run left behind."""
    return sorted(
        str(path.relative_to(home)) for pattern in LEFTOVERS for path in home.rglob(pattern)
    )


def main() -> None:
    """Kill as often as requested; exit 1 if one byte differs or anything is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--accounts", type=int, default=300)
    options = parser.parse_args()
    dice = random.Random(options.seed)  # noqa: S311 - moments, no secret
    with tempfile.TemporaryDirectory() as folder:
        landing, before, whole = (Path(folder) / name for name in ("landing", "before", "whole"))
        book = ("generate", "--accounts", str(options.accounts), "--months", "6")
        finish(command(before, landing, *book))
        finish(command(before, landing, "run", "--month", MONTHS[0]))
        shutil.copytree(before, whole)
        begun = time.monotonic()
        finish(command(whole, landing, "run", "--month", MONTHS[1]))
        duration, right = time.monotonic() - begun, digests(whole)
        wrong = 0
        for number in range(1, options.kills + 1):
            home = Path(folder) / "killed"
            shutil.copytree(before, home)
            share = dice.random()
            process = command(home, landing, "run", "--month", MONTHS[1])
            try:
                process.wait(share * duration)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            killed, left = process.returncode == -signal.SIGKILL, leftovers(home)
            finish(command(home, landing, "run", "--month", MONTHS[1]))
            differing = sorted(
                {path for path, _ in digests(home).items() ^ right.items()} | set(leftovers(home))
            )
            wrong += bool(differing)
            print(
                f"{number:3}  at {share:4.0%} of a run: {'killed' if killed else 'had ended'}, "
                f"{len(left)} left aside; afterwards "
                + ("every byte right" if not differing else f"WRONG: {', '.join(differing)}"),
                flush=True,
            )
            shutil.rmtree(home)
    print(f"{options.kills} kills, {wrong} wrong; a whole run takes {duration:.0f} s")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
