"""The daily watch's figures of each feed: set-based SQL over the delivered files.

``expectations/watch.csv`` holds the figures and their limits. The landing check's own functions
check the structure of every file. Of the rows, only ``recorded_at`` of the last weeks is read; only
files with rows of the last days are decoded whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

import duckdb
import pydantic

from reporting.checks.guide import Owner, Severity
from reporting.core.config_files import Number, Text, Whole, read_rows, require_none
from reporting.core.database import apply_limits
from reporting.core.errors import DataNotFit
from reporting.core.raw_contract import raw_contract
from reporting.core.settings import EXPECTATIONS, Settings
from reporting.core.workspace import landing_copies
from reporting.landing.compressed import require_whole
from reporting.landing.files import DeliveredFile, Feed, inspect, require_plausible
from reporting.landing.land import broken, delivered_files, require_rows, unreadable_values
from reporting.landing.select_sql import empty_select, typed_select
from reporting.landing.texts import trimmed_whole
from reporting.landing.zone import LandingZone

THRESHOLDS = EXPECTATIONS / "watch.csv"
USUAL = 28  # days whose median is the usual number of rows of a day
LOOKED_BACK = 60  # days; the exact age of an older newest row does not matter
READ_WHOLE = 2  # files with rows of the last so many full days are decoded whole
EXAMPLES = 3

MEANINGS = {
    "structure": "Every file of {feed} is whole and meets the contract.",
    "empty_files": "No file of {feed} is without a row.",
    "future": "No row of {feed} is recorded after the day of the watch.",
    "fresh": "The newest row of {feed} was recorded at most {highest} days before the watch.",
    "volume": "The last full day has {lowest} to {highest} % of the usual rows of {feed} "
    f"(the median of {USUAL} days).",
}

FIGURES = tuple(MEANINGS)


@pydantic.dataclasses.dataclass(frozen=True)
class Threshold:
    """A check of the daily watch: a figure of a feed must lie between its limits.

    ``minimum_rows``: with fewer rows in four weeks the figure is not evaluated.
    """

    feed: Text
    figure: Literal["structure", "empty_files", "future", "fresh", "volume"]
    lowest: Number | None
    highest: Number | None
    minimum_rows: Whole | None
    severity: Severity
    owner: Owner
    rationale: Text

    @property
    def check_id(self) -> str:
        """Such as ``watch.bills.fresh``."""
        return f"watch.{self.feed}.{self.figure}"

    @property
    def meaning(self) -> str:
        """What the check requires, as a sentence."""
        limits = {name: f"{getattr(self, name) or 0:g}" for name in ("lowest", "highest")}
        return MEANINGS[self.figure].format(feed=self.feed, **limits)

    @property
    def limits(self) -> str:
        """What is expected, such as ``40 to 300``."""
        if self.lowest is None:
            return f"at most {self.highest or 0:g}"
        return f"{self.lowest:g} to {self.highest:g}" if self.highest else f"from {self.lowest:g}"

    def allows(self, value: float) -> bool:
        """Whether a figure is as expected."""
        is_enough = self.lowest is None or value >= self.lowest
        return is_enough and (self.highest is None or value <= self.highest)


@dataclass(frozen=True)
class Figure:
    """A measured figure: its value, its text, and what it counted."""

    value: float
    words: str
    failing: int = 0
    checked: int = 0  # 0: the figure is no count of rows or files
    examples: tuple[str, ...] = ()


@dataclass
class _Look:
    """What was found in the files of one feed."""

    files: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)  # path (or none) and what is wrong
    empty: list[str] = field(default_factory=list)


@lru_cache
def thresholds(path: Path = THRESHOLDS) -> tuple[Threshold, ...]:
    """Every threshold in the order of the file; BadCall names line and column of a wrong one."""
    rows = read_rows(path, Threshold, unique=[("feed", "figure")])
    known = {table.name for table in raw_contract()}
    require_none(
        [
            f"{path}, line {line}, column feed: {one.feed} is no raw table"
            for line, one in rows.items()
            if one.feed not in known
        ]
    )
    return tuple(rows.values())


def measure(day: date, settings: Settings) -> dict[tuple[str, str], Figure]:
    """The figures of every feed by feed and name; a figure that cannot be measured is left out.

    A feed with a broken file has only ``structure``, since its rows are incomplete. Raises BadCall
    where the landing zone cannot be read.
    """
    zone = LandingZone.of(settings.landing, copies=landing_copies(settings))
    figures: dict[tuple[str, str], Figure] = {}
    with duckdb.connect() as connection:
        connection.execute("set autoinstall_known_extensions = false")
        apply_limits(connection, settings)
        connection.execute("create schema raw")
        connection.execute("create table feeds (feed varchar)")
        connection.execute("create table recorded (feed varchar, file varchar, day date, n bigint)")
        for table in raw_contract():
            look = _look(Feed(table, zone, connection), day)
            figures[table.name, "structure"] = _structure(look)
            if look.faults:
                continue
            figures[table.name, "empty_files"] = Figure(
                len(look.empty),
                f"{len(look.empty)} files without a row",
                len(look.empty),
                look.files,
                tuple(look.empty[:EXAMPLES]),
            )
            connection.execute("insert into feeds values (?)", [table.name])
        figures.update(_of_rows(connection, day))
    return figures


def _look(feed: Feed, day: date) -> _Look:
    """Check the structure of a feed's files and count the rows recorded per day."""
    look = _Look()
    try:
        paths = delivered_files(feed.table, feed.zone)
    except DataNotFit as fault:
        look.faults.append(("", str(fault)))
        return look
    look.files = len(paths)
    with feed.zone.at_hand(paths):
        _look_into(look, feed, paths, day)
    return look


def _look_into(look: _Look, feed: Feed, paths: list[str], day: date) -> None:
    files, recent = [], set(paths)
    for path in paths:
        try:
            files.append(trimmed_whole(inspect(feed, path)))
        except DataNotFit as fault:
            look.faults.append((path, str(fault)))
    if look.faults:
        return
    failure: duckdb.Error | None = None
    try:
        require_plausible(feed, files)
        require_whole(feed, files)
        recent = _note_rows(feed, files, day)
        rows = dict(_rows_by_file(feed, files))
        look.empty = [path for path in paths if not rows.get(path)]
        require_rows(feed, sum(rows.values()))
        unreadable_values(feed, files)
    except DataNotFit as fault:
        look.faults.append(("", str(fault)))
    except duckdb.OutOfMemoryException:
        raise  # no fault of a file
    except duckdb.Error as error:
        failure, recent = error, set(paths)  # one file cannot be read: find out which
    for file in files:
        if not look.faults and file.path in recent and (found := broken(feed, file)):
            look.faults.append((file.path, str(feed.fault(*found))))
    if failure and not look.faults:
        raise failure  # no file is to blame


def _note_rows(feed: Feed, files: list[DeliveredFile], day: date) -> set[str]:
    """Count the rows of the last weeks by file and day; return the files of the last days."""
    name, connection = feed.table.name, feed.connection
    select = typed_select(feed.table, files, feed.zone) if files else empty_select(feed.table)
    connection.execute(f"create view raw.{name} as {select}")
    connection.execute(
        f"insert into recorded select '{name}', _file, recorded_at::date, count(*) "
        f"from raw.{name} where recorded_at >= ? group by all",
        [day - timedelta(days=LOOKED_BACK)],
    )
    found = connection.execute(
        "select distinct file from recorded where feed = ? and day >= ?",
        [name, day - timedelta(days=READ_WHOLE)],
    ).fetchall()
    return {path for (path,) in found}


def _rows_by_file(feed: Feed, files: list[DeliveredFile]) -> Iterator[tuple[str, int]]:
    """Rows of each file: from the footer of a Parquet file, by counting a CSV file."""
    parquet = [feed.zone.address(file.path) for file in files if not file.is_csv]
    if parquet:
        yield from feed.connection.execute(
            "select substr(file_name, ?), num_rows from parquet_file_metadata(?)",
            [len(feed.zone.prefix) + 1, parquet],
        ).fetchall()
    texts = [file for file in files if file.is_csv]
    if texts:
        select = typed_select(feed.table, texts, feed.zone)
        yield from feed.connection.execute(
            f"select _file, count(*) from ({select}) group by all"
        ).fetchall()


def _structure(look: _Look) -> Figure:
    number = len(look.faults)
    if not number:
        return Figure(0, "all are", 0, look.files)
    words = look.faults[0][1] + (f" (and {number - 1} more)" if number > 1 else "")
    paths = tuple(path for path, _ in look.faults[:EXAMPLES] if path)
    return Figure(number, words, number, look.files, paths)


# Every day of the four weeks before the last full day counts, also a day without a row: a feed that
# is delivered once a month then has a median of 0, and its volume is not evaluated.
ROWS = """
with days as (select feed, day, sum(n)::bigint as n from recorded group by all),

four_weeks as (
    select feed, $day::date - 1 - ago::integer as day
    from feeds, range(1, $usual + 1) as past (ago)
),

usual as (
    select feed, median(coalesce(n, 0)) as a_day, sum(coalesce(n, 0)) as in_all
    from four_weeks left join days using (feed, day)
    group by feed
),

newest as (
    select feed, max(day) filter (day <= $day) as day,
        coalesce(sum(n) filter (day > $day), 0) as after
    from days group by feed
),

before_newest as (
    select feed, sum(n) as in_all
    from days join newest using (feed)
    where days.day between newest.day - $usual + 1 and newest.day
    group by feed
)

select feeds.feed, $day::date - newest.day, coalesce(before_newest.in_all, 0),
    coalesce(last_day.n, 0), usual.a_day, usual.in_all, coalesce(newest.after, 0),
    (select coalesce(sum(n), 0) from days where days.feed = feeds.feed)
from feeds
join usual using (feed)
left join newest using (feed)
left join before_newest using (feed)
left join days as last_day on last_day.feed = feeds.feed and last_day.day = $day::date - 1
"""


def _of_rows(connection: duckdb.DuckDBPyConnection, day: date) -> dict[tuple[str, str], Figure]:
    figures: dict[tuple[str, str], Figure] = {}
    minimum = {(one.feed, one.figure): one.minimum_rows or 0 for one in thresholds()}
    required = {table.name for table in raw_contract() if table.is_required}
    values = {"day": day, "usual": USUAL}
    for row in connection.execute(ROWS, values).fetchall():
        feed, age, before, last, usual, in_all, after, seen = row
        words = f"{after:,} of {seen:,} rows of the last weeks"
        figures[feed, "future"] = Figure(after, words, int(after), int(seen))
        if age is not None and before >= minimum.get((feed, "fresh"), 0):
            figures[feed, "fresh"] = Figure(age, f"{age} days before")
        elif age is None and feed in required:  # without rows, whatever its minimum_rows
            figures[feed, "fresh"] = Figure(LOOKED_BACK + 1, f"none in {LOOKED_BACK} days")
        if usual and in_all >= minimum.get((feed, "volume"), 0):
            words = f"{last:,} rows on {day - timedelta(days=1)}, {usual:,.0f} are usual"
            figures[feed, "volume"] = Figure(round(100 * last / usual, 1), words)
    return figures
