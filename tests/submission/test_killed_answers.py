"""Reading answers, and building a supplement after them, killed anywhere: the next one is whole."""

from pathlib import Path
from typing import Any

import pytest
from support.gnupg_keys import needs_gpg
from support.killed import killed_before
from support.nightly import first
from support.released_answers import Released, message
from support.released_months import FIRST, at, copy_of, query

from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.store.month_order import run_of
from reporting.store.published import unfinished_months
from reporting.store.submission_ledger import acting
from reporting.submission import feedback, verify

pytestmark = needs_gpg

SUPPLEMENT_AS_OF = "2026-04-20"


@pytest.fixture(scope="module")
def answered(released_once: Released, tmp_path_factory: pytest.TempPathFactory) -> Released:
    """A released month with two answers in the inbox: two records rejected, a file accepted."""
    home = tmp_path_factory.mktemp("answered") / "home"
    released = released_once.copy(home)
    name = released.file("210")
    one, other = released.lines[name][:2]
    released.answer(name, message(one, "ABR006"), message(other, "ABR006"))
    released.answer(released.file("110"))
    return released


@pytest.fixture(scope="module")
def read(answered: Released, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy whose answers were read undisturbed."""
    settings = copy_of(answered.settings, tmp_path_factory.mktemp("read") / "home")
    feedback.read_answers([], settings, at)
    return settings


@pytest.fixture(scope="module")
def supplemented(read: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of that with a supplement, built undisturbed."""
    settings = copy_of(read, tmp_path_factory.mktemp("supplemented") / "home")
    build_supplement(settings)
    return settings


def build_supplement(settings: Settings) -> None:
    with acting("os:anna"):
        said = steps.run_month(run_of(FIRST, SUPPLEMENT_AS_OF, settings), settings)
    assert said is None


def known(settings: Settings) -> list[list[tuple[Any, ...]]]:
    """What the ledger holds, without batches and moments, and how every record stands."""
    return [
        query(
            settings,
            "select event, report_month, file_name, record_id, code, count(*) "
            "from marts.submission_events group by all order by all",
        ),
        query(
            settings,
            "select record_id, state, feedback_code, count(*) from marts.submission_records "
            "group by all order by all",
        ),
        query(settings, "select * from marts.pending_now order by all"),
    ]


def files(settings: Settings, *folders: str) -> dict[str, bytes]:
    """Every file below these folders of the home, by its path."""
    return {
        str(path.relative_to(settings.home)): path.read_bytes()
        for folder in folders
        for path in sorted((settings.home / folder).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def assert_nothing_is_half_done(settings: Settings) -> None:
    assert verify.faults(settings) == []
    assert unfinished_months(settings) == []
    assert not list(settings.home.rglob("*.partial*"))
    assert list(settings.ledger.glob(".*")) == []


@pytest.mark.parametrize("number", first(2, [4, 9, 14, *range(1, 40)]))
def test_answers_whose_reading_is_killed_anywhere_are_read_by_the_next_command(
    answered: Released, read: Settings, tmp_path: Path, number: int
) -> None:
    settings = copy_of(answered.settings, tmp_path / "home")
    killed_before(
        number,
        settings,
        "feedback.read_answers([], settings, lambda: datetime(2026, 6, 3, 9))",
        "from reporting.submission import envelope, feedback, transport",
    )
    again = feedback.read_answers([], settings, at)
    assert again.faults == []
    assert_nothing_is_half_done(settings)
    assert known(settings) == known(read)
    assert files(settings, "inbox") == files(read, "inbox")


@pytest.mark.parametrize("number", first(0, [60, *range(5, 260, 12)]))
def test_a_supplement_that_is_killed_anywhere_is_whole_after_the_next_command(
    read: Settings, supplemented: Settings, tmp_path: Path, number: int
) -> None:
    settings = copy_of(read, tmp_path / "home")
    killed_before(
        number,
        settings,
        f"with acting('os:anna'): steps.run_month(run_of('{FIRST}', '{SUPPLEMENT_AS_OF}', "
        "settings), settings)",
        "from reporting.pipeline import steps\n"
        "from reporting.store.month_order import run_of\n"
        "from reporting.store.submission_ledger import acting",
    )
    build_supplement(settings)
    assert_nothing_is_half_done(settings)
    assert known(settings) == known(supplemented)
    assert files(settings, "submissions", "notices") == files(
        supplemented, "submissions", "notices"
    )
