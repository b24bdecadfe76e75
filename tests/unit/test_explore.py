"""The SQL prompt reads the published tables and nothing else, and writes nothing."""

import io
from pathlib import Path

import duckdb
import pytest
from support.published_months import publish_month

from reporting.cli import explore
from reporting.cli.terminal import SafeConsole
from reporting.core.errors import BadCall
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


def ask(settings: Settings, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{statement}\n"))
    explore.open_shell(settings, SafeConsole())


@pytest.mark.parametrize(
    "statement",
    [
        "select run_id from built_months;",
        "with may as (from marts.built_months) select run_id from may",
        "select 1; select run_id from built_months;",
        "explain analyze select 1; describe built_months; select run_id from built_months;",
    ],
)
def test_published_tables_are_read(
    settings: Settings,
    statement: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask(settings, statement, monkeypatch)
    assert "run_of_may" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("copy (select 1) to '{folder}/out.csv';", "explore only reads: COPY is refused"),
        ("copy (select 1) to '{published}/out.csv';", "explore only reads: COPY is refused"),
        ("select 1; copy (select 1) to '{folder}/out.csv';", "explore only reads"),
        ("export database '{folder}/out';", "explore only reads: EXPORT is refused"),
        ("attach '{folder}/private.duckdb' as other;", "explore only reads: ATTACH is refused"),
        ("attach '{published}/other.duckdb' as other;", "explore only reads: ATTACH is refused"),
        ("select * from read_csv('{folder}/private.csv');", "Permission Error"),
        ("select * from '{folder}/private.csv';", "Permission Error"),
        ("select * from read_text('{folder}/private.csv');", "Permission Error"),
        ("set enable_external_access = true;", "the configuration has been locked"),
        ("set allowed_directories = ['/'];", "the configuration has been locked"),
        ("install httpfs;", "explore only reads: LOAD is refused"),
        ("create table marts.other as select 1;", "read-only"),
    ],
)
def test_nothing_else_is_read_or_written(
    settings: Settings, statement: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.home.parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadCall, match=why):
        ask(
            settings,
            statement.format(folder=folder, published=settings.published.resolve()),
            monkeypatch,
        )
    assert sorted(folder.rglob("*")) == before
