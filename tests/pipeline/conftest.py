"""The known stories, run month by month through the real pipeline, for all tests here."""

from pathlib import Path

import pytest
from lender_months import MONTHS, Lender, build, settings_in
from oracle.random_books import write
from oracle.raw_rows import RawBook
from oracle.record_stories import add_stories
from oracle.worked_example import STOPS, add_examples

from reporting.settings import DBT_PROJECT

__all__ = ["MONTHS", "SHARED", "WORLD_MONTHS", "Lender", "build", "settings_in", "world"]

WORLD_MONTHS = [f"2023-{number:02d}" for number in range(1, 9)]
SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """The worked example, its variants and other lives, run month by month. Tests only read it."""
    folder = tmp_path_factory.mktemp("world")
    policy = folder / "policy.csv"
    seed = (DBT_PROJECT / "seeds" / "product_policy.csv").read_text(encoding="utf-8")
    huabei = next(line for line in seed.splitlines() if line.startswith("HUABEI,"))
    stops = huabei.replace("HUABEI,", f"{STOPS},").replace(",run_off", ",stop")
    policy.write_text(f"{seed.rstrip()}\n{stops}\n", encoding="utf-8")
    settings = settings_in(folder, policy=policy)
    book = RawBook()
    add_examples(book)
    add_stories(book)
    write(book, Path(settings.landing))
    return build(settings, *WORLD_MONTHS)
