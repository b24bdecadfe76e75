"""The page of a month's checks: failed ones first, with whom they harm and what to do.

It is written after each layer, before the month is built. Great Expectations' own pages are not
written: they fetch styles and scripts from other servers, cost a second per layer, and say no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reporting.checks import guide
from reporting.checks.results import CheckResult
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pages import words
from reporting.pages.site import Phrase, known_or, write_page


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
