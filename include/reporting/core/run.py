"""A run is a month and a cut-off; both are given from outside, and no other time is used."""

import calendar
import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reporting.core.errors import BadCall
from reporting.core.settings import Settings

FIRST_YEAR, LAST_YEAR = 1901, 2099  # dates that the bureau accepts (bureau interface, 1.4)
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
CHINA = ZoneInfo("Asia/Shanghai")
OWN_PART = "data.parquet"  # of a run that reports every reportable account of its month
YYYY_MM = r"^[0-9]{4}-(0[1-9]|1[0-2])$"


def parse_month(text: str) -> date:
    """The first day of a month written ``YYYY-MM``."""
    if not re.fullmatch(YYYY_MM, text):
        raise BadCall(f"month {text!r} is not of the form YYYY-MM, such as 2026-05")
    year, month = text.split("-")
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise BadCall(f"month {text!r} lies outside {FIRST_YEAR} to {LAST_YEAR}")
    return date(int(year), int(month), 1)


def next_month(month: date) -> date:
    """The first day of the following month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def previous_month(month: date) -> date:
    """The first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_before(moment: datetime) -> str:
    """The last full month (YYYY-MM) before a moment, in China."""
    return f"{previous_month(moment.astimezone(CHINA).date()):%Y-%m}"


def deadline(month: date, settings: Settings) -> date:
    """The last day on which a month may be submitted."""
    return next_month(month).replace(day=settings.deadline_day)


def parse_as_of(text: str) -> datetime:
    """A cut-off: ``YYYY-MM-DD`` (its 00:00:00) or ``YYYY-MM-DDTHH:MM:SS``, China time."""
    moment = _moment(text, DAY + r"(T[0-9]{2}:[0-9]{2}:[0-9]{2})?")
    if moment is None:
        raise BadCall(f"--as-of {text!r} is neither YYYY-MM-DD nor YYYY-MM-DDTHH:MM:SS")
    if moment.year > LAST_YEAR:
        raise BadCall(f"--as-of {text!r} lies after {LAST_YEAR}")
    return moment


def parse_day(text: str) -> date:
    """A day written ``YYYY-MM-DD``."""
    day = _moment(text, DAY)
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadCall(f"day {text!r} is no day written YYYY-MM-DD, such as 2026-06-02")
    return day.date()


def _moment(text: str, form: str) -> datetime | None:
    """The moment that a text names, or None if its form is wrong or there is no such day."""
    if not re.fullmatch(form, text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # the right form, but no such day
        return None


@dataclass(frozen=True)
class Run:
    """One month to report, as known at a cut-off (contracts, section 1).

    A supplement is a later run of a released month: it sends only what is pending (life cycle,
    section 2). Month and cut-off alone identify a run.
    """

    month: date
    as_of: datetime
    is_supplement: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, month: str, as_of: str | None, settings: Settings) -> "Run":
        """Read a run from its two texts; the month must have ended at the cut-off."""
        first = parse_month(month)
        after = next_month(first)
        default = datetime.combine(after.replace(day=settings.cut_off_day), time())
        run = cls(first, parse_as_of(as_of) if as_of else default)
        if run.as_of < datetime.combine(after, time()):
            raise BadCall(
                f"month {month} has not ended at the cut-off {run.as_of:%Y-%m-%dT%H:%M:%S}; "
                f"give an --as-of of {after} or later"
            )
        return run

    def next_usual_cut_off(self, settings: Settings) -> date:
        """The usual cut-off day of the next run: the earliest day on which a pending month is sent.

        If this run's cut-off is later than usual, the first such day after it.
        """
        due_in = max(next_month(next_month(self.month)), self.as_of.date().replace(day=1))
        day = due_in.replace(day=settings.cut_off_day)
        if day > self.as_of.date():
            return day
        return next_month(due_in).replace(day=settings.cut_off_day)

    @property
    def label(self) -> str:
        """The month as ``YYYY-MM``, of a supplement with its cut-off; the name of its folders."""
        return f"{self.month:%Y-%m}" + (f"@{self._moment}" if self.is_supplement else "")

    @property
    def part(self) -> str:
        """The file of this run in a published table's folder of the month."""
        return f"{self._moment}.parquet" if self.is_supplement else OWN_PART

    @property
    def options(self) -> str:
        """How a command names this run: ``--month``, and of a supplement ``--as-of``."""
        as_of = f" --as-of {self.as_of.isoformat()}" if self.is_supplement else ""
        return f"--month {self.month:%Y-%m}{as_of}"

    @property
    def _moment(self) -> str:
        return f"{self.as_of:%Y%m%dT%H%M%S}"

    @property
    def month_end(self) -> date:
        """The month's last day."""
        return self.month.replace(day=calendar.monthrange(self.month.year, self.month.month)[1])

    def folder(self, settings: Settings) -> Path:
        """The private working folder of this month."""
        return settings.work / self.label

    def build_store(self, settings: Settings) -> Path:
        """The private DuckDB file in which this month is built."""
        return self.folder(settings) / "build.duckdb"
