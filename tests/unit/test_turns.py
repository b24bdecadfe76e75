"""Who goes before whom, when several runs of the monthly DAG want to build at once."""

from datetime import UTC, datetime, timedelta

import pytest

from reporting.core.errors import BadCall
from reporting.pipeline.month_queue import (
    DONE,
    FAILED,
    QUEUED,
    WAITING,
    WORKING,
    MonthRun,
    runs_ahead,
)

START = datetime(2026, 6, 3, tzinfo=UTC)


def backfilled(month: str, state: str, hour: int = 0) -> MonthRun:
    return MonthRun(month, True, state, START + timedelta(hours=hour))


def by_hand(month: str, state: str) -> MonthRun:
    return MonthRun(month, False, state, START)


def ahead_of(month: str, *others: MonthRun, is_backfill: bool = True) -> list[str]:
    return [run.month for run in runs_ahead(month, is_backfill, list(others))]


def test_the_earliest_month_of_a_backfill_goes_first_and_the_others_wait_for_it():
    runs = [backfilled(f"2026-0{number}", WAITING) for number in range(1, 5)]
    assert ahead_of("2026-01", *runs[1:]) == []
    assert ahead_of("2026-04", *runs[:3]) == ["2026-01", "2026-02", "2026-03"]


def test_a_month_that_is_done_holds_nobody_up():
    assert ahead_of("2026-02", backfilled("2026-01", DONE), backfilled("2026-03", WAITING)) == []


def test_everybody_waits_for_the_month_that_works_even_if_it_is_a_later_one():
    assert ahead_of("2026-01", by_hand("2026-05", WORKING)) == ["2026-05"]


def test_a_month_triggered_by_hand_lets_the_backfill_come_up_to_it():
    backfill = [backfilled("2026-02", WAITING), backfilled("2026-03", QUEUED)]
    ahead = ahead_of("2026-04", backfilled("2026-01", WORKING), *backfill, is_backfill=False)
    assert sorted(ahead) == ["2026-01", "2026-02", "2026-03"]
    assert ahead_of("2026-01", *backfill, is_backfill=False) == []


def test_two_runs_of_one_month_go_one_after_the_other():
    assert ahead_of("2026-01", by_hand("2026-01", WAITING)) == []
    assert ahead_of("2026-01", by_hand("2026-01", WORKING)) == ["2026-01"]


def test_a_failed_month_stops_every_later_month_of_a_backfill():
    runs = [backfilled("2026-01", FAILED), backfilled("2026-02", WAITING)]
    with pytest.raises(BadCall, match=r"2026-02 is not built because 2026-01 failed"):
        ahead_of("2026-02", runs[0])
    with pytest.raises(BadCall, match=r"2026-03 is not built because 2026-01 failed"):
        ahead_of("2026-03", *runs)
    with pytest.raises(BadCall, match=r"2026-04 is not built because 2026-01 failed"):
        ahead_of("2026-04", runs[0], backfilled("2026-02", FAILED), backfilled("2026-03", WAITING))


def test_the_newest_run_of_a_month_says_whether_it_failed():
    first = backfilled("2026-01", FAILED, hour=1)
    assert ahead_of("2026-02", first, backfilled("2026-01", DONE, hour=2)) == []
    again = backfilled("2026-01", WAITING, hour=2)
    assert ahead_of("2026-02", first, again) == ["2026-01"]
    with pytest.raises(BadCall):
        ahead_of("2026-02", first, backfilled("2026-01", DONE, hour=0))


def test_a_failure_that_is_not_right_before_stops_nobody():
    failed = backfilled("2026-01", FAILED)
    assert ahead_of("2026-03", failed) == []
    assert ahead_of("2026-03", failed, backfilled("2026-02", DONE)) == []
    assert ahead_of("2026-02", failed, is_backfill=False) == []


def test_a_backfill_that_runs_backwards_is_refused_where_its_months_would_block_each_other():
    with pytest.raises(BadCall, match=r"2026-01 is queued behind it"):
        ahead_of("2026-02", backfilled("2026-01", QUEUED), backfilled("2026-03", WAITING))


def test_nobody_waits_for_what_the_dag_itself_keeps_queued():
    queued = by_hand("2026-01", QUEUED)
    assert ahead_of("2026-02", queued) == []
    assert ahead_of("2026-02", queued, is_backfill=False) == []
