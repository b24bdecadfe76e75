"""The front page: every month with its state, newest first, and the way to all other pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reporting.core.settings import Settings
from reporting.pages.published_months import MonthState
from reporting.pages.site import Phrase, write_page


def front_page(settings: Settings) -> Path:
    """The path of the page."""
    return settings.pages / "index.html"


def write_front(states: Sequence[MonthState], settings: Settings) -> Path:
    """Write the page from the states of all months."""
    own = [state for state in states if not state.is_supplement]

    def contents(_: Phrase) -> Mapping[str, Any]:
        return {
            "states": sorted(states, key=lambda one: (one.month, one.is_supplement), reverse=True),
            "newest": own[-1] if own else None,
            "has_dbt": (settings.pages / "dbt" / "index.html").is_file(),
        }

    return write_page(settings, front_page(settings), "front.html", contents)
