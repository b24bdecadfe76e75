"""The known stories, run month by month through the real pipeline, for all tests here."""

from datetime import date
from pathlib import Path

import pytest
from oracle.book import read_policy
from oracle.random_books import random_book, write, write_policy
from oracle.random_people import enrich_people
from oracle.raw_rows import RawBook
from oracle.record_stories import add_stories
from oracle.worked_example import STOPS, add_examples
from support.lender_months import WORLD_MONTHS, Lender, build, settings_in

from reporting.core.settings import DBT_PROJECT

DISORDERLY_MONTHS = ["2026-01", "2026-02", "2026-03"]
DISORDERLY_SEED = 213
BULLET = "TEST_01"  # a loan that is repaid at once: repay mode 21


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


@pytest.fixture(scope="session")
def disorderly_book(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A random book in which everything goes wrong that may. Tests only read it."""
    folder = tmp_path_factory.mktemp("disorderly")
    policy = folder / "policy.csv"
    write_policy(DBT_PROJECT / "seeds" / "product_policy.csv", policy)
    lines = policy.read_text(encoding="utf-8").splitlines()
    lines = [line.replace(",11,03,", ",21,07,") if BULLET in line else line for line in lines]
    policy.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = settings_in(folder, policy=policy, notice_lead_days=1)
    book = random_book(DISORDERLY_SEED, read_policy(policy), accounts=250)
    enrich_people(book, DISORDERLY_SEED, date(2025, 12, 1), date(2026, 5, 1))
    write(book, Path(settings.landing), DISORDERLY_SEED)
    return build(settings, *DISORDERLY_MONTHS)
