"""What programs and newcomers ask of the command line: JSON, versions, settings, a dry run."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from support.small_landing import GOOD, SmallLanding

FEEDS = sorted(GOOD)


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with no settings but the given ones."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("REPORTING_")}
    return subprocess.run(
        [sys.executable, "-m", "reporting", *arguments],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a landing zone that has a row in each required feed."""
    SmallLanding(tmp_path)
    return tmp_path


def test_the_version_is_that_of_the_program_and_its_engines(tmp_path: Path) -> None:
    lines = command("--version", folder=tmp_path).stdout.splitlines()
    assert lines[0] == f"reporting {version('credit-reporting')}"
    assert f"duckdb {version('duckdb')}" in lines
    assert f"dbt-core {version('dbt-core')}" in lines


def test_each_setting_says_where_its_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REPORTING_CUT_OFF_DAY=5\nREPORTING_DEADLINE_DAY=12\n")
    ended = command(
        *("settings", "--json"),
        folder=tmp_path,
        REPORTING_DEADLINE_DAY="11",
        REPORTING_LANDING="s3://user:password@lake/landing",
        REPORTING_HOEM="data",
    )
    found = {one["variable"]: (one["value"], one["source"]) for one in json.loads(ended.stdout)}
    assert found["REPORTING_CUT_OFF_DAY"] == ("5", ".env")
    assert found["REPORTING_DEADLINE_DAY"] == ("11", "environment")  # it goes before the file
    assert found["REPORTING_APPROVAL_DAYS"] == ("7", "default")
    assert found["REPORTING_LANDING"] == ("s3://***@lake/landing", "environment")
    assert ended.stderr == "warning: REPORTING_HOEM is no setting; correct its name or unset it\n"


def test_a_dry_run_shows_what_would_be_done_and_writes_nothing(folder: Path) -> None:
    ended = command("run", "--month", "2026-05", "--dry-run", "--json", folder=folder,
                    REPORTING_LANDING="landing")  # fmt: skip
    found = json.loads(ended.stdout)
    assert (found["run"], found["as_of"]) == ("2026-05", "2026-06-03T00:00:00")
    assert (found["kind"], found["rests_on"]) == ("report", None)
    assert {feed: files for feed, files in found["files"].items() if files} == dict.fromkeys(
        FEEDS, 1
    )
    assert found["bytes"] > 0
    assert sorted(path.name for path in folder.iterdir()) == ["landing"]


@pytest.mark.parametrize(
    ("month", "missing", "code", "line"),
    [
        ("2026-05", "consents", 1, "table consents: no Parquet or CSV file under"),
        ("2026-13", None, 2, "'2026-13'"),
    ],
)
def test_a_dry_run_ends_as_the_run_would(
    folder: Path, month: str, missing: str | None, code: int, line: str
) -> None:
    if missing:
        (folder / "landing" / missing).rename(folder / "elsewhere")
    ended = command("run", "--month", month, "--dry-run", folder=folder,
                    REPORTING_LANDING="landing")  # fmt: skip
    assert ended.returncode == code
    assert line in ended.stderr
    assert ended.stdout == ""


def test_the_shell_completes_a_command() -> None:
    program = Path(sys.executable).with_name("reporting")
    asked = {"_REPORTING_COMPLETE": "complete_bash", "COMP_WORDS": "reporting sett"}
    ended = subprocess.run(
        [program], env={**os.environ, **asked, "COMP_CWORD": "1"}, capture_output=True, check=False
    )
    assert ended.stdout.decode().split() == ["settings"]
