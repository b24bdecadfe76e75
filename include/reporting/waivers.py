"""Warnings that a named person has looked at and lets pass for a while.

A waiver holds for the evidence it was given for (``reporting.evidence``): when other rows fail, the
check warns again. It ends on its last day, as seen from the run's cut-off. A critical check cannot
be waived: it stops the month.
"""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path

import pydantic

from reporting import atomic
from reporting.config_files import Day, Text, read_rows
from reporting.errors import BadCall
from reporting.settings import Settings


@pydantic.dataclasses.dataclass(frozen=True)
class Waiver:
    """One line of the file of waivers."""

    check_id: Text
    evidence: Text
    waived_by: Text
    reason: Text
    expires_on: Day


@dataclass(frozen=True)
class Verdict:
    """Whether a failed warning is waived, and what a person should know of its waivers."""

    is_waived: bool
    note: str


COLUMNS = [field.name for field in fields(Waiver)]


def waivers_file(settings: Settings) -> Path:
    """The file of waivers: REPORTING_WAIVERS, else in the home folder."""
    return settings.waivers or settings.home.resolve() / "waivers.csv"


def load(settings: Settings) -> tuple[Waiver, ...]:
    """Every waiver in the order in which they were given; none where there is no file.

    Raises BadCall naming file, line and column where the file is not as it should be, or where the
    setting names no file.
    """
    path = waivers_file(settings)
    if not path.is_file():
        if settings.waivers:
            raise BadCall(
                f"setting REPORTING_WAIVERS: there is no file {path}; correct or unset it"
            )
        return ()
    return tuple(read_rows(path, Waiver).values())


def judge(waivers: Sequence[Waiver], check_id: str, evidence: str, on: date) -> Verdict:
    """What the waivers say of a failed warning on a day; the newest one that fits decides."""
    about = [waiver for waiver in reversed(waivers) if waiver.check_id == check_id]
    fitting = [waiver for waiver in about if waiver.evidence == evidence]
    if fitting:
        newest = fitting[0]  # a newer one also shortens
        if on <= newest.expires_on:
            told = f"waived by {newest.waived_by} until {newest.expires_on}: {newest.reason}"
            return Verdict(True, told)
        return Verdict(False, f"the waiver of {newest.waived_by} ended on {newest.expires_on}")
    if about and on <= about[0].expires_on:
        return Verdict(
            False, f"the waiver of {about[0].waived_by} no longer fits: other rows fail now"
        )
    return Verdict(False, "")


def add(waiver: Waiver, settings: Settings) -> Path:
    """Write one more waiver; the file appears whole or stays as it was."""
    path = waivers_file(settings)
    every = [*(load(settings) if path.is_file() else ()), waiver]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replaced(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        writer.writerows(astuple(one) for one in every)
    return path
