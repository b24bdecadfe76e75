"""Giving a waiver: a published warning of a month, looked at by a named person."""

from pathlib import Path

from reporting import waivers
from reporting.errors import BadCall
from reporting.evidence import looks_personal
from reporting.home import exclusive
from reporting.publish import open_published
from reporting.run import parse_day, parse_month
from reporting.settings import Settings


def waive(check_id: str, month: str, by: str, reason: str, until: str, settings: Settings) -> Path:
    """Remember that a warning of a month may pass until a day, by its evidence; the file's path.

    Raises BadCall where the month has no such open warning, or where a word is missing.
    """
    by, reason = (" ".join(text.split()) for text in (by, reason))
    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise BadCall(f"{option} is empty: say who has looked at {check_id}, and why it passes")
        if looks_personal(text):
            raise BadCall(f"{option} holds what looks like a person's number: leave it out")
    expires_on = parse_day(until)
    with open_published(settings) as connection:
        found = connection.execute(
            "select severity, passed, evidence, as_of from marts.data_quality_results "
            "where check_id = ? and report_month = ?",
            [check_id, parse_month(month)],
        ).fetchall()
    if not found:
        raise BadCall(f"month {month} has no result of check {check_id}; see its check pages")
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
        return waivers.add(waivers.Waiver(check_id, evidence, by, reason, expires_on), settings)
