"""The start page of all pages, with dbt's documentation and the checks of each month."""

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from reporting.core import atomic
from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import require_address_space
from reporting.pages.trend import write_trend
from reporting.store.published import built_months
from reporting.transform.dbt import dbt_pages

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Credit reporting</title></head><body>
<h1>Credit reporting</h1>
<p><a href="dbt.html">Tables and columns</a> (dbt)</p>
<h2>Checks by month</h2>
<p><a href="{trend}">All months side by side</a>: checks, reasons, feeds</p>
<ul>{months}</ul>
</body></html>
"""


def build_pages(settings: Settings) -> Path:
    """Write the start page and dbt's documentation of the newest month that has a build store.

    Raises BadCall if no month is built.
    """
    runs = [Run(built.month, built.as_of) for built in built_months(settings)]
    stored = [run for run in runs if run.build_store(settings).is_file()]
    if not stored:
        raise BadCall("no month is built yet: run `reporting run --month YYYY-MM` first")
    require_address_space()
    dbt_pages(stored[-1], settings)
    page = settings.home.resolve() / "docs" / "index.html"
    checked = sorted(settings.check_pages.glob("*/index.html"), reverse=True)
    items = "".join(
        f'<li><a href="{_link(path, page)}">{escape(path.parent.name)}</a></li>' for path in checked
    )
    with atomic.replaced(page) as aside:
        aside.write_text(
            PAGE.format(months=items, trend=_link(write_trend(settings), page)), encoding="utf-8"
        )
    return page


def _link(target: Path, page: Path) -> str:
    """A relative link, which also works in a copy of the home folder."""
    return escape(quote(os.path.relpath(target.resolve(), page.parent)))
