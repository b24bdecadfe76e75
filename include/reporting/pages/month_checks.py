"""The page of a month's checks: failed ones first, with whom they harm and what to do.

It is written after each layer, before the month is built. Great Expectations' own pages are not
written: they fetch styles and scripts from other servers, cost a second per layer, and say no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import duckdb

from reporting.checks import guide
from reporting.checks.results import CheckResult
from reporting.core.database import literal
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pages import words
from reporting.pages.published_months import MonthState
from reporting.pages.site import Phrase, known_or, write_page


def write_lost_checks(
    connection: duckdb.DuckDBPyConnection, state: MonthState, settings: Settings
) -> None:
    """Write the page again from what is published, where it is lost; else it stays as it is."""
    if state.as_of is None or state.run_id is None or settings.check_page(state.label).is_file():
        return
    (known,) = connection.execute(
        f"select count(*) from shown_data_quality_results where run_id = {literal(state.run_id)}"
    ).fetchall()
    if known == (0,):
        return
    found = connection.execute(
        "select * exclude (report_month, as_of, run_id) from marts.data_quality_results "
        f"where run_id = {literal(state.run_id)} order by layer, table_name, check_id"
    )
    names = [column[0] for column in found.description or ()]
    results = [CheckResult(**dict(zip(names, row, strict=True))) for row in found.fetchall()]
    write_checks(Run(state.month, state.as_of, state.is_supplement), settings, results)


def write_checks(run: Run, settings: Settings, results: Sequence[CheckResult]) -> None:
    """Write the page of a month from all its results so far."""
    ordered = sorted(
        results, key=lambda one: (not one.is_open, one.passed, guide.SEVERITIES.index(one.severity))
    )
    checks = [
        asdict(one)
        | {
            "requires": words.check(one.check_id, one.description),
            "guide": words.guidance(one.check_id),
            "timeline": [],
        }
        for one in ordered
    ]

    def contents(phrase: Phrase) -> Mapping[str, Any]:
        return {
            "run": run,
            "failed": [check for check in checks if not check["passed"]],
            "passed": [check for check in checks if check["passed"]],
            "owner_words": lambda name: known_or(phrase, "owner", name),
        }

    write_page(settings, settings.check_page(run.label), "checks.html", contents)
