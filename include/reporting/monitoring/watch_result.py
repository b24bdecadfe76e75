"""The result of one check of the daily watch."""

from dataclasses import dataclass

from reporting.checks.results import CheckResult

LAYER = "watch"


@dataclass(frozen=True, kw_only=True)
class WatchResult(CheckResult):
    """The result of one check of the watch: what was measured (``now``), and what is expected."""

    limits: str
    now: str
    value: str = ""
