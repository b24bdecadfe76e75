"""What commands print of the data is shown and never obeyed by the terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from reporting.cli import explore, summary
from reporting.cli.terminal import SafeConsole, plain_table, shown
from reporting.core.settings import Settings
from reporting.store.published_database import build_database

EVIL = "A1\x1b]0;pwned\x07\x1b[31m\x9b1m\u202e"


def test_control_characters_are_shown_in_texts_and_tables() -> None:
    out = io.StringIO()
    console = SafeConsole(file=out, width=200, force_terminal=True, color_system="standard")
    table = Table("id", box=None)
    table.add_row(Text(shown(EVIL)))
    console.print(Group(Text(EVIL), table), Text("line one\nline two", style="red"), soft_wrap=True)
    told = out.getvalue()
    assert told.count("A1\\x1b]0;pwned") == 2
    assert told.count("\\x1b[31m\\x9b1m\\u202e") == 2
    assert "\x1b]0;" not in told
    assert "\x9b" not in told
    assert "\x1b[31mline one\x1b[0m\n" in told  # rich's own colours still work


def test_a_row_stands_in_one_line_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    table = plain_table("file", "sentence")
    table.add_row("A10000000000012026060321000010.enc", "word " * 30)
    for columns, lines in ((None, 1), ("80", 4)):
        for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        if columns:
            monkeypatch.setenv("COLUMNS", columns)
        out = io.StringIO()
        SafeConsole(file=out).print(table)
        assert len(out.getvalue().splitlines()) == 1 + lines


def test_explore_shows_what_a_cell_holds(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=tmp_path)
    settings.published.mkdir()
    build_database(settings)
    statement = "select chr(27) || '[31mred' as \"[bold]\""
    explore.open_shell(settings, SafeConsole(), statement, form="")
    told = capfd.readouterr().out
    assert "\\e[31mred" in told  # DuckDB's own way to show it
    assert "\x1b[31m" not in told
    assert "[bold]" in told


@pytest.mark.parametrize(
    ("subject", "typed"),
    [
        ("C00000001", "C00000001"),
        ("a b; rm -rf $HOME", "'a b; rm -rf $HOME'"),
        ("it's", "'it'\"'\"'s'"),
        ("--month", "-- --month"),
        (None, "CUSTOMER_OR_ACCOUNT"),
    ],
)
def test_the_id_to_try_can_be_typed_into_a_shell(subject: str | None, typed: str) -> None:
    assert summary.typed(subject) == typed
