"""A whole run that lacks memory, disk or a folder: one line says what, where, and what to do."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_disk import mounted

from reporting.synthetic import lender

MONTH = "2026-05"
Lack = Callable[[], None]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lacks") / "landing"
    lender.generate(folder, accounts=60, months=3, seed=3)
    return folder


def run(home: Path, landing: Path, lack: Lack | None = None, **environment: str) -> tuple[int, str]:
    """Run the month as a process; return its exit status and its error line."""
    places = {"REPORTING_HOME": str(home), "REPORTING_LANDING": str(landing)}
    done = subprocess.run(
        [sys.executable, "-m", "reporting", "run", "--month", MONTH],
        env=os.environ | places | environment,
        preexec_fn=lack,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr
    return done.returncode, "\n".join(errors)


def assert_nothing_was_sent(home: Path) -> None:
    assert not list((home / "submissions").rglob("*.txt"))
    assert not (home / "published" / "reporting.duckdb").exists()


def limited(kind: int, size: int) -> Lack:
    return lambda: resource.setrlimit(kind, (size, size))


def test_too_little_address_space_is_refused_before_anything_hangs(
    landing: Path, tmp_path: Path
) -> None:
    lack = limited(resource.RLIMIT_AS, 1_200_000_000)
    status, error = run(tmp_path / "home", landing, lack)
    assert status == 1
    assert "the system allows 1.2 GB of address space (ulimit -v), and a run needs" in error
    assert_nothing_was_sent(tmp_path / "home")


@pytest.mark.nightly
def test_a_file_that_may_not_grow_names_step_and_place(landing: Path, tmp_path: Path) -> None:
    lack = limited(resource.RLIMIT_FSIZE, 2_000_000)
    status, error = run(tmp_path / "home", landing, lack)
    assert status == 1
    assert ", step " in error
    assert "a file reached the largest size that is allowed (ulimit -f)" in error
    assert error.count("\n") == 0
    assert_nothing_was_sent(tmp_path / "home")


@pytest.mark.nightly
def test_a_folder_for_temporary_files_that_is_not_there_is_not_needed(
    landing: Path, tmp_path: Path
) -> None:
    status, error = run(tmp_path / "home", landing, TMPDIR=str(tmp_path / "missing"))
    assert (status, error) == (0, "")


@pytest.mark.nightly
@pytest.mark.parametrize("size", ["6m", "16m"])
def test_a_full_disk_names_step_and_file_system_and_the_next_run_heals(
    landing: Path, tmp_path: Path, size: str
) -> None:
    with mounted(tmp_path / "disk", size) as disk:
        home = disk / "home"
        status, error = run(home, landing)
        assert status == 1
        assert ", step " in error
        assert f"no space left on the file system of {disk}" in error
        assert error.count("\n") == 0
        assert_nothing_was_sent(home)
        subprocess.run(["mount", "-o", "remount,size=500m", str(disk)], check=True)  # noqa: S607
        assert run(home, landing) == (0, "")
        assert list((home / "submissions").rglob("*.txt"))
