"""A setting that cannot be worked with is named in one line before anything runs."""

from pathlib import Path

import pytest

from reporting.core.errors import BadCall
from reporting.core.settings import load_settings


@pytest.mark.parametrize("name", ["a{{ b }}", "a{% b %}", "what?", "a#b"])
def test_a_home_that_tools_would_misread_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORTING_HOME", str(tmp_path / name))
    with pytest.raises(BadCall, match=r"^setting REPORTING_HOME: the path .* holds .*; name one"):
        load_settings()


def test_a_relative_home_below_such_a_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a?b").mkdir()
    monkeypatch.chdir(tmp_path / "a?b")
    monkeypatch.delenv("REPORTING_HOME", raising=False)
    with pytest.raises(BadCall, match=r"holds \?; name one without; correct the variable"):
        load_settings()


@pytest.mark.parametrize("name", ["lender's [1] 数据", "st*r", 'so "called"'])
def test_other_names_are_taken(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTING_HOME", str(tmp_path / name))
    assert load_settings().home == tmp_path / name


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTING_TRANSPORT", "ftp")
    monkeypatch.setenv("REPORTING_CUT_OFF_DAY", "40")
    with pytest.raises(BadCall) as caught:
        load_settings()
    named = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert sorted(named) == ["setting REPORTING_CUT_OFF_DAY", "setting REPORTING_TRANSPORT"]


@pytest.mark.parametrize(
    ("setting", "other"),
    [
        ("REPORTING_BUREAU_KEY", "REPORTING_LENDER_KEY"),
        ("REPORTING_ARCHIVE_KEY", "REPORTING_BUREAU_KEY"),
    ],
)
def test_no_key_of_ours_is_the_bureaus(
    setting: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(other, "A" * 40)
    monkeypatch.setenv(setting, f"{'B' * 40},{'a' * 40}")
    with pytest.raises(BadCall, match=f"^setting {setting}: A{{40}} is named by {other}; the bur"):
        load_settings()
