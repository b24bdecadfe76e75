"""dbt's own unit tests, the small stories of the population, on the tables of a built month."""

import shutil
from pathlib import Path

from support.lender_months import MONTHS, Lender

from reporting.core.settings import Settings
from reporting.transform.dbt import run_dbt


def test_the_small_stories_hold(lender_book: Lender, tmp_path: Path) -> None:
    run = lender_book.run(MONTHS[-1])
    settings = Settings(home=tmp_path)
    shutil.copytree(run.folder(lender_book.settings), run.folder(settings))
    run_dbt(run, settings, "test", "--select", "test_type:unit")
