"""A publication that is killed anywhere: the same command again gives what one gives at once."""

from pathlib import Path

import duckdb
import pytest
from support.killed import killed_before
from support.lender_months import Lender
from support.nightly import first
from support.released_months import SECOND, copy_of

from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.store.month_order import run_of
from reporting.store.published import unfinished_months
from reporting.store.submission_ledger import acting, ledger_views
from reporting.submission import verify

OF_THE_DAY = {"data_quality_results"}  # the moment of evaluation


@pytest.fixture
def home(built: Lender, tmp_path: Path) -> Settings:
    """A copy of two built months whose second one is about to be published again."""
    settings = copy_of(built.settings, tmp_path / "home")
    for path in settings.home.glob(
        f"submissions/*/{SECOND}/*.txt"
    ):  # of an earlier build, so to say
        path.write_bytes(b"older")
    return settings


def outcome(settings: Settings) -> dict[str, bytes]:
    """Every file that the month hands on, by its path."""
    folders = [
        *settings.home.glob("submissions/*/*"),
        *settings.home.glob("notices/*"),
        *(one for one in settings.published.glob("[!.]*/*") if one.parent.name not in OF_THE_DAY),
    ]
    return {
        str(path.relative_to(settings.home)): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("number", first(1, [70, 25, 110, *range(1, 200, 6)]))
def test_a_publication_that_is_killed_anywhere_is_whole_after_the_next(
    home: Settings, built: Lender, number: int
) -> None:
    killed_before(
        number,
        home,
        f"with acting('os:anna'): steps.publish(run_of('{SECOND}', None, settings), settings)",
        "from reporting.pipeline import steps\n"
        "from reporting.store.month_order import run_of\n"
        "from reporting.store.submission_ledger import acting",
    )
    with acting("os:anna"):
        steps.publish(run_of(SECOND, None, home), home)
    assert outcome(home) == outcome(built.settings)
    assert unfinished_months(home) == []
    assert not list(home.home.rglob("*.partial*"))
    assert verify.faults(home) == []
    with ledger_views(home) as ledger:
        states = ledger.execute(
            "select distinct run_id, files_digest from submission.run_states order by all"
        ).fetchall()
    with ledger_views(built.settings) as ledger:
        undisturbed = ledger.execute(
            "select distinct run_id, files_digest from submission.run_states order by all"
        ).fetchall()
    assert states == undisturbed
    with duckdb.connect(str(home.published_database), read_only=True) as published:
        shown = published.execute("select count(*) from marts.submission_records").fetchall()
    with duckdb.connect(str(built.settings.published_database), read_only=True) as published:
        assert (
            shown == published.execute("select count(*) from marts.submission_records").fetchall()
        )
