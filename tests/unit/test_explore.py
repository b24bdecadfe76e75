"""DuckDB's shell reads the published tables and nothing else, and writes nothing."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest
from support.published_months import publish_month

from reporting.cli import explore
from reporting.cli.terminal import SafeConsole
from reporting.core.errors import ReportingError
from reporting.core.run import Run
from reporting.core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A published month, and a private file beside it."""
    settings = Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"))
    run = Run.of("2026-05", None, settings)
    publish_month(run, settings, run_id="run_of_may")
    with duckdb.connect(str(tmp_path / "private.duckdb")) as private:
        private.execute("create table people as select 'Zhang' as name")
    (tmp_path / "private.csv").write_text("name\nZhang\n")
    return settings


def execute(settings: Settings, statement: str, form: str = "") -> None:
    explore.open_shell(settings, SafeConsole(), statement, form)


def test_the_shell_has_the_version_of_the_engine() -> None:
    assert version("duckdb-cli").split(".post")[0] == version("duckdb")


@pytest.mark.parametrize(
    ("form", "rows"),
    [("csv", "run_id\nrun_of_may\n"), ("json", '[{"run_id":"run_of_may"}]\n')],
)
def test_rows_are_printed_for_programs_and_nothing_beside_them(
    settings: Settings, form: str, rows: str, capfd: pytest.CaptureFixture[str]
) -> None:
    execute(settings, "select run_id from built_months", form)
    assert capfd.readouterr() == (rows, "")


def test_the_shell_has_the_limits_of_the_settings(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    limited = settings.model_copy(update={"memory_limit": "100MiB", "threads": 1})
    execute(limited, "select current_setting('threads'), current_setting('memory_limit')", "csv")
    assert capfd.readouterr().out.splitlines()[1] == "1,100.0 MiB"


def test_a_reader_that_wants_no_more_rows_ends_it_without_an_error(settings: Settings) -> None:
    words = ["explore", "-c", "select range as number from range(1000000)", "--csv"]
    with subprocess.Popen(
        [sys.executable, "-m", "reporting", *words],
        env={**os.environ, "REPORTING_HOME": str(settings.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as shell:
        assert shell.stdout
        assert shell.stderr
        assert shell.stdout.readline() == b"number\n"
        shell.stdout.close()
        assert shell.stderr.read() == b""
    assert shell.returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "with may as (from marts.built_months) select run_id from may",
        "select 1; select run_id from built_months;",
        "explain analyze select 1; describe built_months; select run_id from built_months;",
    ],
)
def test_published_tables_are_read(
    settings: Settings, statement: str, capfd: pytest.CaptureFixture[str]
) -> None:
    execute(settings, statement)
    assert "run_of_may" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("copy (select 1) to '{folder}/out.csv';", "operations are disabled"),
        ("copy (select 1) to '{published}/out.csv';", "operations are disabled"),
        ("select 1; copy (select 1) to '{folder}/out.csv';", "operations are disabled"),
        ("copy built_months to '{link}';", "operations are disabled"),
        ("export database '{folder}/out';", "operations are disabled"),
        ("attach '{folder}/private.duckdb' as other;", "operations are disabled"),
        ("attach '{published}/other.duckdb' as other;", "operations are disabled"),
        ("select * from read_csv('{folder}/private.csv');", "operations are disabled"),
        ("select * from '{folder}/private.csv';", "operations are disabled"),
        ("select * from read_text('{folder}/private.csv');", "operations are disabled"),
        ("set enable_external_access = true;", "the configuration has been locked"),
        ("set allowed_directories = ['/'];", "the configuration has been locked"),
        ("install httpfs;", "disabled"),
        ("create table marts.other as select 1;", "read-only"),
        (".shell ls", "cannot be used in -safe mode"),
        (".output {folder}/out.txt", "cannot be used in -safe mode"),
        (".open {folder}/private.duckdb", "cannot be used in -safe mode"),
    ],
)
def test_nothing_else_is_read_or_written(
    settings: Settings, statement: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = settings.home.parent
    (link,) = settings.published.glob(".builds/*/built_months.*.parquet")
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    places = {"folder": folder, "published": settings.published.resolve(), "link": link}
    with pytest.raises(ReportingError, match="failed"):
        execute(settings, statement.format_map(places))
    assert why in capfd.readouterr().err
    after = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    assert after == before
