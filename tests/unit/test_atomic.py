"""What is written appears whole and goes whole, whatever stops the process in the middle."""

import subprocess
import sys
from pathlib import Path

import pytest

from reporting.core import atomic
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive

# A process that is killed at a call of the operating system, the given one of its kind.
KILLED = """
import os, pathlib, sys
from reporting.core import atomic
final, call, stop = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def killed(event, arguments, seen=[]):
    if event == "os." + call:
        seen.append(arguments)
        if len(seen) == stop:
            os._exit(9)
if sys.argv[4] == "replace":
    with atomic.replaced(final) as aside:
        aside.mkdir()
        for name in "abc":
            (aside / name).write_text("new")
        sys.addaudithook(killed)
else:
    sys.addaudithook(killed)
    atomic.remove(final)
"""


def a_folder(final: Path) -> None:
    final.mkdir(parents=True)
    for name in "abc":
        (final / name).write_text("old")


def killed(final: Path, call: str, stop: int, what: str) -> int:
    arguments = [sys.executable, "-c", KILLED, str(final), call, str(stop), what]
    return subprocess.run(arguments, check=False).returncode


@pytest.mark.parametrize(
    ("what", "call", "stop"),
    [
        *(("replace", "rename", n) for n in (1, 2)),
        *(("replace", "remove", n) for n in (1, 2, 3)),
        *(("remove", call, n) for call, n in (("rename", 1), ("remove", 1), ("remove", 3))),
        ("remove", "rmdir", 1),
    ],
)
def test_a_killed_run_leaves_nothing_half(tmp_path: Path, what: str, call: str, stop: int) -> None:
    settings = Settings(home=tmp_path)
    final = settings.submissions / "A" / "2026-05"
    a_folder(final)
    assert killed(final, call, stop, what) == 9
    with exclusive(settings):  # whoever comes next
        pass
    kept = [path.name for path in final.parent.iterdir()]
    assert kept in ([], ["2026-05"])
    if kept:
        contents = [(path.name, path.read_text()) for path in sorted(final.iterdir())]
        assert contents in ([(name, age) for name in "abc"] for age in ("old", "new"))
    assert kept or what == "remove"


def test_leftovers_of_any_month_go_with_the_next_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    left = [
        settings.submissions / "A" / ".2026-04.partial" / "file.txt",
        settings.notices / ".2026-04.partial" / "notices.csv",
        settings.work / "2026-04" / "build.duckdb.tmp" / "spilled",
        settings.work / "2026-04" / ".build.duckdb.partial",
        settings.work / "2026-04" / ".build.duckdb.partial.wal",
        settings.work / "2026-04" / ".build.duckdb.partial.tmp" / "spilled",
        settings.work / f"{ended}.tmp" / "spilled",
        settings.published / ".reporting.duckdb.7.partial",
        settings.published / "built_months" / "report_month=2026-04-01" / ".data.parquet.partial",
        settings.pages / ".2026-04.partial" / "index.html",
        settings.pages / "2026-04" / "checks" / ".index.html.partial",
    ]
    kept = settings.work / "2026-04" / "build.duckdb"
    for path in [*left, kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("110101199003070015")
    with exclusive(settings):
        pass
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"] == [
        kept
    ]


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    final = tmp_path / "file"
    final.write_text("old")
    with pytest.raises(OSError, match="full"), atomic.replaced(final) as aside:
        aside.write_text("half")
        raise OSError("full")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]
