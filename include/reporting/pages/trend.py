"""The page that shows all months side by side: checks, reasons, feeds, and what was withheld.

SQL counts, ``trend_cells`` gives each number its words and its colour, the template lays them out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from reporting.checks import guide
from reporting.checks.results import LAYERS
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.pages import words
from reporting.pages.plots import colour_of
from reporting.pages.site import Phrase, Words, write_page
from reporting.pages.trend_cells import (
    NOTHING,
    STACK_HEIGHT,
    Cell,
    Month,
    bar_of,
    check_cell,
    darkness,
    share_of,
    stacks_of,
    withheld_cell,
)

RESULTS = "data_quality_results"
TABLES = (RESULTS, "reportable_population", "feed_counts", "run_figures")


@dataclass(frozen=True)
class Check:
    """A row of the checks, with a cell a month."""

    layer: str
    layer_position: int
    check_id: str
    severity: str
    requires: Words
    ever_failed: bool
    entry: str  # where in the check guide it is described
    cells: list[Cell]


@dataclass(frozen=True)
class ReasonRow:
    """A row of the reasons, with a cell a month."""

    code: str
    sentence: Words
    colour: str
    cells: list[Cell]


@dataclass(frozen=True)
class Feed:
    """A row of the feeds, with a cell a month."""

    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Fact:
    """One number of the newest month, shown at the top of the page."""

    figure: str
    words: str
    is_bad: bool = False


def trend_page(settings: Settings) -> Path:
    """The path of the page."""
    return settings.pages / "trend" / "index.html"


def write_trend(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Path:
    """Write the page from ``published_months``."""

    def contents(phrase: Phrase) -> Mapping[str, Any]:
        return _contents(connection, phrase)

    return write_page(settings, trend_page(settings), "trend.html", contents)


def _contents(connection: duckdb.DuckDBPyConnection, phrase: Phrase) -> dict[str, Any]:
    """Everything the template shows."""
    found = connection.execute(
        "select report_month, coalesce(bool_or(not passed and severity = 'critical'), false) from ("
        + " union all by name ".join(
            f"select {'*' if table == RESULTS else 'distinct report_month'} from shown_{table}"
            + (" where not is_supplement" if table == RESULTS else "")
            for table in TABLES
        )
        + ") group by report_month order by report_month"
    ).fetchall()
    months = {month: Month(f"{month:%Y-%m}", is_stopped) for month, is_stopped in found}
    checks = _checks(connection, months, phrase)
    evaluated = _per_month(
        connection,
        "select report_month, count(*), count(*) filter (where passed), "
        "count(*) filter (where not passed and severity = 'critical'), "
        "count(*) filter (where not passed and severity = 'warning' and is_waived is not true) "
        "from shown_data_quality_results where not is_supplement group by all",
    )
    accounts: dict[date, dict[str, int]] = {month: {} for month in months}
    for month, code, count in connection.execute(
        "select report_month, reason_code, count(*) from shown_reportable_population group by all"
    ).fetchall():
        accounts[month][code] = count
    records = _per_month(
        connection,
        "select report_month, records, withheld from shown_run_figures where not is_supplement",
    )
    codes = _codes(accounts.values())
    return {
        "months": list(months.values()),
        "has_stale": any(months[m].is_stopped and (accounts[m] or m in records) for m in months),
        "news": _news(months, evaluated, accounts, records, phrase),
        "pass_rates": [
            bar_of(*evaluated[month][:2]) if month in evaluated else None for month in months
        ],
        "checks": checks,
        "never_failed": [check for check in checks if not check.ever_failed],
        "reasons": [_reason_row(code, accounts.values()) for code in codes],
        "unused_reasons": [code for code in reasons() if code not in codes],
        "stacks": stacks_of(codes, list(accounts.values())),
        "stack_height": STACK_HEIGHT,
        "feeds": _feeds(connection, months, phrase),
        "withheld": [
            withheld_cell(phrase, *records[m]) if m in records else NOTHING for m in months
        ],
    }


def _per_month(connection: duckdb.DuckDBPyConnection, query: str) -> dict[date, tuple[int, ...]]:
    return {month: tuple(counts) for month, *counts in connection.execute(query).fetchall()}


def _checks(
    connection: duckdb.DuckDBPyConnection, months: dict[date, Month], phrase: Phrase
) -> list[Check]:
    """Every check with its cells, by layer; in a layer, what failed last comes first."""
    answers = connection.execute(
        "select layer, table_name, check_id, report_month, severity, passed, "
        "coalesce(is_waived, false), rows_failing, rows_checked "
        "from shown_data_quality_results where not is_supplement"
    ).fetchall()
    cells = {row[:4]: check_cell(phrase, months[row[3]], *row[4:]) for row in answers}
    rows = connection.execute(
        "select coalesce(list_position(?::varchar[], layer), 99) as position, layer, table_name, "
        "check_id, arg_max(severity, report_month), arg_max(description, report_month), "
        "max(report_month) filter (where not passed) as last_failed "
        "from shown_data_quality_results where not is_supplement "
        "group by layer, table_name, check_id "
        "order by position, layer, last_failed desc nulls last, table_name, check_id",
        [list(LAYERS)],
    ).fetchall()
    return [
        Check(
            layer=layer,
            layer_position=position,
            check_id=check_id,
            severity=severity,
            requires=words.check(check_id, description),
            ever_failed=last_failed is not None,
            entry=_entry(check_id),
            cells=[cells.get((layer, table, check_id, month), NOTHING) for month in months],
        )
        for position, layer, table, check_id, severity, description, last_failed in rows
    ]


def _entry(check_id: str) -> str:
    found = guide.find(check_id)
    return f"#{quote(found.check, safe='')}" if found else ""


def _codes(accounts: Iterable[dict[str, int]]) -> list[str]:
    """The reasons that occur, in the order of their rules; reasons without a rule come last."""
    seen = {code for counts in accounts for code in counts}
    return [code for code in reasons() if code in seen] + sorted(seen - set(reasons()))


def _reason_row(code: str, accounts: Iterable[dict[str, int]]) -> ReasonRow:
    return ReasonRow(
        code=code,
        sentence=words.reason(code),
        colour=colour_of(code),
        cells=[Cell(f"{counts.get(code, 0):,}") if counts else NOTHING for counts in accounts],
    )


def _feeds(
    connection: duckdb.DuckDBPyConnection, months: dict[date, Month], phrase: Phrase
) -> list[Feed]:
    counts: dict[str, dict[date, Cell]] = {}
    for name, month, delivered, quarantined in connection.execute(
        "select table_name, report_month, sum(delivered)::bigint, sum(quarantined)::bigint "
        "from shown_feed_counts group by all order by all"
    ).fetchall():
        counts.setdefault(name, {})[month] = Cell(
            f"{delivered:,}",
            darkness(quarantined, delivered) if quarantined else "",
            phrase("trend.quarantined", share=share_of(quarantined, delivered))
            if quarantined
            else "",
            phrase("of", part=quarantined, whole=delivered),
        )
    return [
        Feed(name, [cells.get(month, NOTHING) for month in months])
        for name, cells in counts.items()
    ]


def _news(
    months: dict[date, Month],
    evaluated: dict[date, tuple[int, ...]],
    accounts: dict[date, dict[str, int]],
    records: dict[date, tuple[int, ...]],
    phrase: Phrase,
) -> list[Fact]:
    """The newest month in a few numbers."""
    if not months:
        return [Fact(NOTHING.text, phrase("front.none"))]
    newest = max(months)
    checks, passed, critical, warnings = evaluated.get(newest, (0, 0, 0, 0))
    counts = accounts[newest]
    stopped = Fact(
        phrase("state.stopped"), phrase("trend.news_critical", count=critical), is_bad=True
    )
    facts = [
        Fact(months[newest].label, phrase("front.newest")),
        *([stopped] if critical else []),
        Fact(share_of(passed, checks), phrase("trend.news_passed", count=checks)),
        Fact(f"{warnings:,}", phrase("front.warnings"), is_bad=warnings > 0),
    ]
    if counts and not critical:
        reported, whole = counts.get("REPORTED", 0), sum(counts.values())
        facts.append(Fact(f"{reported:,}", phrase("trend.news_reported", whole=whole)))
    if newest in records and not critical:
        facts.append(Fact(f"{records[newest][1]:,}", phrase("figure.withheld")))
    return facts
