"""The page that shows all months side by side: checks, reasons, feeds, and what was withheld.

Made from the published database alone, so the same published tables give the same bytes. SQL
counts, ``trend_cells`` gives each number its words and its colour, ``trend.html`` lays them out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reporting.checks import guide
from reporting.checks.results import LAYERS
from reporting.core import atomic
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.pages.trend_cells import (
    NOTHING,
    STACK_HEIGHT,
    Cell,
    Month,
    bar_of,
    check_cell,
    colour_of,
    darkness,
    share_of,
    stacks_of,
    withheld_cell,
)
from reporting.store.published_database import open_published

# What is read of each published table. A table that no month has published yet is empty, and a
# column that its months lack is null.
READ = {
    "data_quality_results": {
        "report_month": "date",
        "layer": "varchar",
        "table_name": "varchar",
        "check_id": "varchar",
        "severity": "varchar",
        "description": "varchar",
        "rows_checked": "bigint",
        "rows_failing": "bigint",
        "passed": "boolean",
        "is_waived": "boolean",
    },
    "reportable_population": {"report_month": "date", "reason_code": "varchar"},
    "feed_counts": {
        "report_month": "date",
        "table_name": "varchar",
        "delivered": "bigint",
        "quarantined": "bigint",
    },
    "submission_records": {"report_month": "date", "state": "varchar", "is_supplement": "boolean"},
}


@dataclass(frozen=True)
class Check:
    """A row of the checks, with a cell a month."""

    layer: str
    layer_position: int
    check_id: str
    severity: str
    description: str
    ever_failed: bool
    entry: str  # link to its entry in the check guide
    cells: list[Cell]


@dataclass(frozen=True)
class ReasonRow:
    """A row of the reasons, with a cell a month."""

    code: str
    sentence: str
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
    """The path of the page: beside the folders of the months' check pages."""
    return settings.check_pages / "trend.html"


def write_trend(settings: Settings) -> Path:
    """Write the page from the published database; BadCall if there is none."""
    with open_published(settings) as connection:
        html = _render(_contents(connection))
    page = trend_page(settings)
    page.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replaced(page) as aside:
        aside.write_text(html, encoding="utf-8")
    return page


def _render(contents: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("trend.html").render(contents)


def _contents(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Everything the template shows."""
    _create_views(connection)
    found = connection.execute(
        "select report_month, coalesce(bool_or(not passed and severity = 'critical'), false) from ("
        + " union all by name ".join(
            f"select {'*' if table == 'data_quality_results' else 'distinct report_month'} "
            f"from trend_{table}"
            for table in READ
        )
        + ") group by report_month order by report_month"
    ).fetchall()
    months = {month: Month(f"{month:%Y-%m}", is_stopped) for month, is_stopped in found}
    checks = _checks(connection, months)
    evaluated = _per_month(
        connection,
        "select report_month, count(*), count(*) filter (where passed), "
        "count(*) filter (where not passed and severity = 'critical'), "
        "count(*) filter (where not passed and severity = 'warning' and is_waived is not true) "
        "from trend_data_quality_results group by all",
    )
    accounts: dict[date, dict[str, int]] = {month: {} for month in months}
    for month, code, count in connection.execute(
        "select report_month, reason_code, count(*) from trend_reportable_population group by all"
    ).fetchall():
        accounts[month][code] = count
    records = _per_month(
        connection,
        "select report_month, count(*), count(*) filter (where state = 'WITHHELD') "
        "from trend_submission_records where is_supplement is not true group by all",
    )
    codes = _codes(accounts.values())
    return {
        "months": list(months.values()),
        "has_stale": any(months[m].is_stopped and (accounts[m] or m in records) for m in months),
        "news": _news(months, evaluated, accounts, records),
        "checks_page": guide.PAGE,
        "pass_rates": [
            bar_of(*evaluated[month][:2]) if month in evaluated else None for month in months
        ],
        "checks": checks,
        "never_failed": [check for check in checks if not check.ever_failed],
        "reasons": [_reason_row(code, accounts.values()) for code in codes],
        "unused_reasons": [code for code in reasons() if code not in codes],
        "stacks": stacks_of(codes, list(accounts.values())),
        "stack_height": STACK_HEIGHT,
        "feeds": _feeds(connection, months),
        "withheld": [withheld_cell(*records[m]) if m in records else NOTHING for m in months],
    }


def _create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """A view of each table that is read, with all its columns, whatever is published."""
    published = {
        name
        for (name,) in connection.execute(
            "select view_name from duckdb_views() where schema_name = 'marts'"
        ).fetchall()
    }
    for table, columns in READ.items():
        empty = ", ".join(f"null::{kind} as {name}" for name, kind in columns.items())
        rows = f"select {empty} where false"
        if table in published:
            own = f"from marts.{table}"
            if table == "data_quality_results" and "runs" in published:  # of own runs alone
                own += (
                    " anti join (from marts.runs where is_supplement) using (report_month, as_of)"
                )
            rows = f"select * {own} union all by name {rows}"
        connection.execute(
            f"create temp view trend_{table} as select {', '.join(columns)} from ({rows})"
        )


def _per_month(connection: duckdb.DuckDBPyConnection, query: str) -> dict[date, tuple[int, ...]]:
    return {month: tuple(counts) for month, *counts in connection.execute(query).fetchall()}


def _checks(connection: duckdb.DuckDBPyConnection, months: dict[date, Month]) -> list[Check]:
    """Every check with its cells, by layer; in a layer, what failed last comes first."""
    answers = connection.execute(
        "select layer, table_name, check_id, report_month, severity, passed, "
        "coalesce(is_waived, false), rows_failing, rows_checked from trend_data_quality_results"
    ).fetchall()
    cells = {row[:4]: check_cell(months[row[3]], *row[4:]) for row in answers}
    rows = connection.execute(
        "select coalesce(list_position(?::varchar[], layer), 99) as position, layer, table_name, "
        "check_id, arg_max(severity, report_month), arg_max(description, report_month), "
        "max(report_month) filter (where not passed) as last_failed "
        "from trend_data_quality_results group by layer, table_name, check_id "
        "order by position, layer, last_failed desc nulls last, table_name, check_id",
        [list(LAYERS)],
    ).fetchall()
    return [
        Check(
            layer=layer,
            layer_position=position,
            check_id=check_id,
            severity=severity,
            description=description,
            ever_failed=last_failed is not None,
            entry=guide.link(check_id),
            cells=[cells.get((layer, table, check_id, month), NOTHING) for month in months],
        )
        for position, layer, table, check_id, severity, description, last_failed in rows
    ]


def _codes(accounts: Iterable[dict[str, int]]) -> list[str]:
    """The reasons that occur, in the order of their rules; reasons without a rule come last."""
    seen = {code for counts in accounts for code in counts}
    return [code for code in reasons() if code in seen] + sorted(seen - set(reasons()))


def _reason_row(code: str, accounts: Iterable[dict[str, int]]) -> ReasonRow:
    known = reasons().get(code)
    return ReasonRow(
        code=code,
        sentence=known.sentence if known else "A reason of an earlier version of the rules.",
        colour=colour_of(code),
        cells=[Cell(f"{counts.get(code, 0):,}") if counts else NOTHING for counts in accounts],
    )


def _feeds(connection: duckdb.DuckDBPyConnection, months: dict[date, Month]) -> list[Feed]:
    counts: dict[str, dict[date, Cell]] = {}
    for name, month, delivered, quarantined in connection.execute(
        "select table_name, report_month, sum(delivered)::bigint, sum(quarantined)::bigint "
        "from trend_feed_counts group by all order by all"
    ).fetchall():
        counts.setdefault(name, {})[month] = Cell(
            f"{delivered:,}",
            darkness(quarantined, delivered) if quarantined else "",
            f"{share_of(quarantined, delivered)} quarantined" if quarantined else "",
            f"{quarantined:,} of {delivered:,} rows are quarantined",
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
) -> list[Fact]:
    """The newest month in a few numbers."""
    if not months:
        return [Fact("no month", "is published yet")]
    newest = max(months)
    checks, passed, critical, warnings = evaluated.get(newest, (0, 0, 0, 0))
    counts = accounts[newest]
    stopped = Fact("stopped", f"critical checks that failed: {critical}", is_bad=True)
    facts = [
        Fact(months[newest].label, "newest month"),
        *([stopped] if critical else []),
        Fact(share_of(passed, checks), f"of {checks:,} checks passed"),
        Fact(f"{warnings:,}", f"open warning{'s' * (warnings != 1)}", is_bad=warnings > 0),
    ]
    if counts and not critical:
        reported = counts.get("REPORTED", 0)
        facts.append(Fact(f"{reported:,}", f"of {sum(counts.values()):,} accounts reported"))
    if newest in records and not critical:
        facts.append(Fact(f"{records[newest][1]:,}", "records withheld"))
    return facts
