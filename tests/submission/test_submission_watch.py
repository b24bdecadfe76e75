"""The daily watch of what was released: a warning in time, critical when it is late."""

from datetime import date, datetime
from pathlib import Path

import pytest

from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.monitoring.submission_watch import submission_results
from reporting.store.submission_ledger import Event, append, batches

NAME = "N101W1100H00172026060321000010.txt"
RUN = {"report_month": date(2026, 5, 1), "as_of": datetime(2026, 6, 3), "run_id": "r1"}
OF_FILE = {"reporter_code": "N101W1100H0017", "file_name": NAME}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home in which one file was released on 3 June 2026."""
    settings = Settings(home=tmp_path)
    write(settings, 3, Event(event="RELEASED", built_name=NAME, records=5, **RUN, **OF_FILE))
    return settings


def write(settings: Settings, day: int, event: Event) -> None:
    with exclusive(settings):
        append(settings, datetime(2026, 6, day, 18), [event])


def open_on(settings: Settings, day: int) -> dict[str, str]:
    results = submission_results(date(2026, 6, day), settings)
    return {one.check_id.removeprefix("watch."): one.severity for one in results if one.is_open}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        *((3, {}), (4, {"delivery.waiting": "warning"}), (5, {"delivery.waiting": "warning"})),
        (6, {"delivery.waiting": "critical"}),
    ],
)
def test_a_file_that_is_not_delivered(
    settings: Settings, day: int, expected: dict[str, str]
) -> None:
    assert open_on(settings, day) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        *((8, {}), (9, {}), (10, {"answers.missing": "warning"})),
        *((14, {"answers.missing": "warning"}), (15, {"answers.missing": "critical"})),
    ],
)
def test_a_file_that_is_not_answered(
    settings: Settings, day: int, expected: dict[str, str]
) -> None:
    write(settings, 4, Event(event="DELIVERED", **OF_FILE))
    assert open_on(settings, day) == expected
    write(settings, 20, Event(event="ANSWERED", **OF_FILE))
    assert open_on(settings, 30) == {}


def test_a_batch_that_is_missing(settings: Settings) -> None:
    write(settings, 4, Event(event="DELIVERED", **OF_FILE))
    batches(settings)[0].unlink()
    assert open_on(settings, 4) == {"ledger.whole": "critical"}


def test_a_home_that_has_built_nothing_is_not_watched(tmp_path: Path) -> None:
    assert list(submission_results(date(2026, 6, 3), Settings(home=tmp_path))) == []
