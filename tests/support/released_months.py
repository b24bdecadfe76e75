"""Two built months of a small lender, and what a test does with them: approve, release, look."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.settings import Settings
from reporting.store.submission_ledger import acting
from reporting.submission import approval, release
from support.lender_months import MONTHS

AT = datetime(2026, 6, 3, 9)
FIRST, SECOND = MONTHS[0], MONTHS[1]


def copy_of(settings: Settings, home: Path) -> Settings:
    """The settings of a copy of a home, without Airflow's own; keys stay where they are."""
    shutil.copytree(settings.home, home, ignore=shutil.ignore_patterns("airflow"))
    return settings.model_copy(update={"home": home})


def at() -> datetime:
    return AT


def approve(settings: Settings, month: str, by: str = "os:bo", **more: Any) -> None:
    with acting(by):
        approval.approve(approval.newest_run(month, None, settings), settings, AT, **more)


def release_month(settings: Settings, month: str) -> list[release.Delivery]:
    return release.release(approval.newest_run(month, None, settings), settings, at)


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.published_database), read_only=True) as connection:
        return connection.execute(sql).fetchall()
