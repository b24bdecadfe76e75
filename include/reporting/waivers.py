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

from reporting import atomic
from reporting.errors import BadCall, DataNotFit
from reporting.run import parse_day
from reporting.settings import Settings


@dataclass(frozen=True)
class Waiver:
    """One line of the file of waivers."""

    check_id: str
    evidence: str
    waived_by: str
    reason: str
    expires_on: date


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

    Raises DataNotFit naming file, line and column where the file is not as it should be, BadCall
    where the setting names no file.
    """
    path = waivers_file(settings)
    if not path.is_file():
        if settings.waivers:
            raise BadCall(
                f"setting REPORTING_WAIVERS: there is no file {path}; correct or unset it"
            )
        return ()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != COLUMNS:
                raise DataNotFit(f"waivers {path}: the first line must be {','.join(COLUMNS)}")
            return tuple(_waiver(path, reader.line_num, row) for row in reader)
    except (UnicodeDecodeError, csv.Error):
        raise DataNotFit(f"waivers {path}: is no CSV file in UTF-8; save it as one") from None


def _waiver(path: Path, line: int, row: dict[str, str]) -> Waiver:
    if None in row:
        raise DataNotFit(f"waivers {path}, line {line}: has more cells than columns; quote commas")
    for column in COLUMNS:
        if not (row.get(column) or "").strip():
            raise DataNotFit(f"waivers {path}, line {line}: column {column} is empty; fill it")
    try:
        expires_on = parse_day(row["expires_on"].strip())
    except BadCall:
        raise DataNotFit(
            f"waivers {path}, line {line}: column expires_on is no date YYYY-MM-DD; correct it"
        ) from None
    words = {column: row[column].strip() for column in COLUMNS if column != "expires_on"}
    return Waiver(**words, expires_on=expires_on)


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
