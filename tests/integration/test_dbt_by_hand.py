"""dbt by hand: a changed model is built on a copy of a month, and the difference is shown."""

import re
import shutil
from pathlib import Path

import pytest
from support.lender_months import MONTHS, Lender

from reporting.cli import by_hand as command
from reporting.cli.terminal import SafeConsole
from reporting.core.errors import BadCall
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.transform import dbt

MONTH = MONTHS[-1]
MODEL = "models/marts/repayment_status.sql"


@pytest.fixture
def settings(lender_book: Lender, tmp_path: Path) -> Settings:
    """A home with the month's build store and what is published."""
    home = tmp_path / "home"
    for folder in ("published", f"work/{MONTH}"):
        shutil.copytree(lender_book.settings.home / folder, home / folder)
    return lender_book.settings.model_copy(update={"home": home})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project whose models a test may change."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(DBT_PROJECT, copy)
    monkeypatch.setattr(dbt, "DBT_PROJECT", copy)
    return copy


def run(settings: Settings, *arguments: str, is_compared: bool = True) -> None:
    command.run(list(arguments), MONTH, None, is_compared, False, settings, SafeConsole(width=200))


def test_a_changed_model_shows_its_differences_and_publishes_nothing(
    settings: Settings, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = settings.work / MONTH / "build.duckdb"
    before = store.read_bytes()
    model = project / MODEL
    text = model.read_text(encoding="utf-8")
    days = "cast(verdicts.days_past_due as integer) as days_past_due"
    changed = text.replace(days, days.replace("days_past_due as", "days_past_due + 1 as"))
    assert changed != text
    model.write_text(changed, encoding="utf-8")

    run(settings, "build", "-s", "repayment_status", "--exclude-resource-types", "test")
    printed = capfd.readouterr().out

    assert re.search(r"repayment_status +0 +0 +[1-9][0-9,]* +days_past_due [1-9]", printed)
    assert re.search(r"repayment_status \S+: days_past_due 0 -> 1", printed)
    assert store.read_bytes() == before

    doubled = "join (select * from verdicts union all select * from verdicts) as verdicts"
    assert "join verdicts" in text
    model.write_text(text.replace("join verdicts", doubled, 1), encoding="utf-8")
    run(settings, "build", "-s", "repayment_status", "--exclude-resource-types", "test")
    assert re.search(r"repayment_status +0 +[1-9][0-9,]* +0", capfd.readouterr().out)

    model.write_text(text, encoding="utf-8")
    run(settings, "build", "-s", "repayment_status", "--exclude-resource-types", "test")
    assert f"Every row is as {MONTH} was published." in capfd.readouterr().out


def test_a_month_without_a_build_store_is_named(settings: Settings) -> None:
    shutil.rmtree(settings.work)
    with pytest.raises(BadCall, match=rf"month {MONTH} has no build store .*: run `reporting run"):
        run(settings, "parse")


def test_without_arguments_an_example_is_given(settings: Settings) -> None:
    with pytest.raises(BadCall, match=r"give dbt's arguments after --, such as: -- build"):
        run(settings)


def test_a_build_that_is_not_published_has_nothing_to_be_compared_with(settings: Settings) -> None:
    shutil.rmtree(settings.published / "built_months" / f"report_month={MONTH}-01")
    with pytest.raises(BadCall, match=rf"{MONTH} as its build store has it is not published"):
        run(settings, "parse")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "-s", "record_110"),
        ("show", "--inline", "select name from {{ source('raw', 'customers') }}"),
        ("show", "-s", "repayment_status", "--select", "stg_customers"),
        ("show", "-s", "repayment_status", "record_110"),
    ],
)
def test_no_row_with_personal_data_is_printed(
    settings: Settings, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(BadCall, match="only published tables have none with personal data"):
        run(settings, *arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "dbt: No such command 'nonsense'"),
        (("build", "--vars", "{report_month: 2020-01-01}"), "--vars is given by the month"),
        (("build", "--target=prod"), "--target=prod is given by the month; leave it out"),
    ],
)
def test_a_wrong_call_of_dbt_is_one_line(
    settings: Settings, arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(BadCall, match=words):
        run(settings, *arguments)
