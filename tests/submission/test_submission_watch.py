"""The daily watch of what was released: a warning in time, critical when it is late."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from support.key_homes import LONG_AGO, Sides, sides

from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.monitoring.submission_watch import submission_results
from reporting.store.submission_ledger import Event, append, batches

NAME = "N101W1100H00172026060321000010.txt"
RUN = {"report_month": date(2026, 5, 1), "as_of": datetime(2026, 6, 3), "run_id": "r1"}
OF_FILE = {"reporter_code": "N101W1100H0017", "file_name": NAME}


@pytest.fixture(scope="module")
def all_sides() -> Iterator[Sides]:
    with sides() as found:
        yield found


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


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        *((date(2026, 5, 31), {}), (date(2026, 6, 1), {"keys.expiry": "warning"})),
        *((date(2026, 6, 30), {"keys.expiry": "warning"}),),
        (date(2026, 7, 1), {"keys.expiry": "critical"}),
    ],
)
def test_a_key_that_ends_is_named_thirty_days_before(
    all_sides: Sides, tmp_path: Path, day: date, expected: dict[str, str]
) -> None:
    until = all_sides.lender.make(f"until-{day}", expires="20260701T120000", at=LONG_AGO)
    settings = all_sides.settings(
        tmp_path, lender_key=all_sides.keys["lender"], archive_key=(until,)
    )
    found = {
        one.check_id.removeprefix("watch."): (one.severity, one.now)
        for one in submission_results(day, settings)
        if one.is_open
    }
    assert {check: severity for check, (severity, _) in found.items()} == expected
    ends = "expired" if day == date(2026, 7, 1) else "expires"
    for _, words in found.values():
        assert words == f"REPORTING_ARCHIVE_KEY {until} {ends} on 2026-07-01"


@pytest.mark.parametrize(
    ("day", "expected"),
    [(6, {}), (7, {"release.due": "warning"}), (11, {"release.due": "critical"})],
)
def test_a_built_month_that_is_not_released(
    all_sides: Sides, tmp_path: Path, day: int, expected: dict[str, str]
) -> None:
    settings = all_sides.settings(tmp_path)
    write(settings, 3, Event(event="BUILT", **RUN))
    assert open_on(settings, day) == expected
    assert open_on(Settings(home=tmp_path), day) == {}
    write(settings, 5, Event(event="RELEASED", **RUN))
    assert open_on(settings, day) == {}


def test_keys_that_cannot_be_read_are_one_finding_of_the_watch(
    all_sides: Sides, tmp_path: Path
) -> None:
    settings = all_sides.settings(tmp_path, gnupg_home=tmp_path / "nowhere")
    (found,) = submission_results(date(2026, 6, 3), settings)
    assert (found.check_id, found.severity) == ("watch.keys.expiry", "critical")
    assert "there is no folder" in found.now


def test_a_home_that_has_built_nothing_is_not_watched(tmp_path: Path) -> None:
    assert list(submission_results(date(2026, 6, 3), Settings(home=tmp_path))) == []
