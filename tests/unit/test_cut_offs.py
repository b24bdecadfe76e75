"""A month's cut-off lies at or after that of the month before, which would else know more."""

from datetime import datetime
from pathlib import Path

import pytest
from support.published_months import publish_month

from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.store import month_order

APRIL_KNOWN = datetime(2026, 6, 5, 12)  # April was built again in June


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home in which April is built."""
    settings = Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"))
    april = Run.of("2026-04", APRIL_KNOWN.isoformat(), settings)
    publish_month(april, settings)
    return settings


@pytest.mark.parametrize("as_of", [None, "2026-06-05T11:59:59"])
def test_an_earlier_cut_off_is_refused(settings: Settings, as_of: str | None) -> None:
    may = month_order.run_of("2026-05", as_of, settings)
    with pytest.raises(
        BadCall, match="lies before that of the run before, 2026-04 at 2026-06-05T12:00:00"
    ):
        month_order.require_order(may, settings)
    assert BadCall.exit_code == 2


@pytest.mark.parametrize("as_of", ["2026-06-05T12:00:00", "2026-06-06"])
def test_the_same_cut_off_and_a_later_one_are_taken(settings: Settings, as_of: str) -> None:
    month_order.require_order(month_order.run_of("2026-05", as_of, settings), settings)


def test_a_rebuild_without_a_cut_off_keeps_the_later_one(settings: Settings) -> None:
    assert month_order.run_of("2026-04", None, settings).as_of == APRIL_KNOWN
    assert month_order.run_of("2026-04", "2026-05-03", settings).as_of == datetime(2026, 5, 3)
