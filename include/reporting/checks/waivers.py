"""Waivers: warnings that a named person has reviewed and lets pass until a day.

A waiver holds for the failing rows it was given for (``reporting.checks.fingerprint``): when other
rows fail, the check warns again. It ends after its last day, compared with the run's cut-off. A
critical check cannot be waived: it stops the month.
"""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path

import pydantic

from reporting.core import atomic
from reporting.core.config_files import Day, Text, read_rows
from reporting.core.errors import BadCall
from reporting.core.run import parse_day, parse_month
from reporting.core.safe_text import require_impersonal
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.store.published_database import open_published


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
    """Whether a failed warning is waived, and a note on its waivers for people."""

    is_waived: bool
    note: str


COLUMNS = [field.name for field in fields(Waiver)]


def waivers_file(settings: Settings) -> Path:
    """The file of waivers: REPORTING_WAIVERS, else in the home folder."""
    return settings.waivers or settings.home.resolve() / "waivers.csv"


def load(settings: Settings) -> tuple[Waiver, ...]:
    """Every waiver in the order of the file; none if there is no file.

    Raises BadCall naming file, line and column of a fault, or naming the setting if it points to a
    missing file.
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
    """Whether a failed warning is waived on a day; the newest waiver of these rows decides."""
    about = [waiver for waiver in reversed(waivers) if waiver.check_id == check_id]
    fitting = [waiver for waiver in about if waiver.evidence == evidence]
    if fitting:
        newest = fitting[0]  # a newer one also shortens
        if on <= newest.expires_on:
            note = f"waived by {newest.waived_by} until {newest.expires_on}: {newest.reason}"
            return Verdict(True, note)
        return Verdict(False, f"the waiver of {newest.waived_by} ended on {newest.expires_on}")
    if about and on <= about[0].expires_on:
        return Verdict(
            False, f"the waiver of {about[0].waived_by} no longer holds: other rows fail now"
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


def waive(check_id: str, month: str, by: str, reason: str, until: str, settings: Settings) -> Path:
    """Waive a warning of a month until a day, for its failing rows; returns the file's path.

    Raises BadCall if the month has no such open warning, or if a text is missing.
    """
    by, reason = (" ".join(text.split()) for text in (by, reason))
    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise BadCall(f"{option} is empty: say who has reviewed {check_id}, or why it may pass")
        require_impersonal(option, text)
    expires_on = parse_day(until)
    with open_published(settings) as connection:
        found = connection.execute(
            "select severity, passed, evidence, as_of from marts.data_quality_results "
            "where check_id = ? and report_month = ? order by as_of desc",  # the newest run first
            [check_id, parse_month(month)],
        ).fetchall()
    if not found:
        raise BadCall(f"month {month} has no result of check {check_id}; see its page")
    severity, passed, evidence, as_of = found[0]
    if evidence is None:
        raise BadCall(f"month {month} was checked by an earlier version; run it again first")
    if passed:
        raise BadCall(f"check {check_id} passed in {month}: there is nothing to waive")
    if severity != "warning":
        raise BadCall(f"check {check_id} is of severity {severity}: only a warning can be waived")
    if expires_on < as_of.date():
        raise BadCall(f"--until {until} lies before the month's cut-off {as_of.date()}")
    with exclusive(settings):  # two at once would lose one
        return add(Waiver(check_id, evidence, by, reason, expires_on), settings)
