"""The page of a month, for the person who must say yes or no to it in two minutes.

Each section is a query in ``sql/`` over the published database, and the page shows that same text.
Counts, sums and pseudonymous keys alone: no value of a row.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from reporting.core.database import literal
from reporting.core.run import previous_month
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.pages import plots, words
from reporting.pages.published_months import MonthState
from reporting.pages.site import Phrase, Words, known_or, phrases, write_page

SQL = Path(__file__).parent / "sql"
FIGURES = ("reported", "overdue_total", "first_reports", "closings", "withheld")
OF_EVERY_RUN = (
    *("figures", "reconciliation", "files", "answers", "checks", "alerts", "pending", "repairs"),
)
OF_OWN_RUNS = (*OF_EVERY_RUN, "reasons", "statuses", "aging", "unusual", "notices")
OF_STOPPED_RUNS = ("checks", "alerts")
NOT_DECIDING = ("alerts",)  # an approver does not need them: without them the page is complete
BAR, AGING_BAR = 1000, 300  # units of width
TIMELINE = 12  # months
NOT_OPEN = "new"  # status before, in roll_rates

Row = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Query:
    """A query of the page and its rows; no rows where its tables are not published."""

    sql: str
    rows: list[Row]


def write_month(
    connection: duckdb.DuckDBPyConnection, state: MonthState, settings: Settings
) -> Path:
    """Write the page of a month or of a supplement from ``published_months``."""
    found = {name: _read(connection, name, state, settings) for name in _queries_of(state)}
    timelines = _timelines(connection, state)

    def contents(phrase: Phrase) -> Mapping[str, Any]:
        shown = _contents(found, timelines, state, phrase)
        return shown | {"group_size": settings.minimum_group_size}

    return write_page(settings, settings.month_page(state.label), "month.html", contents)


def _queries_of(state: MonthState) -> tuple[str, ...]:
    if state.is_stopped:
        return OF_STOPPED_RUNS
    return OF_EVERY_RUN if state.is_supplement else OF_OWN_RUNS


def _read(
    connection: duckdb.DuckDBPyConnection, name: str, state: MonthState, settings: Settings
) -> Query:
    before = previous_month(state.month)
    sql = Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).substitute(
        month=f"date '{state.month}'",
        before=f"date '{before}'",
        two_before=f"date '{previous_month(before)}'",
        as_of=f"timestamp '{state.as_of}'" if state.as_of else "null",
        label=literal(state.label),
        run_id=literal(state.run_id) if state.run_id else "null",
        is_own_run="false" if state.is_supplement else "true",
        group_size=settings.minimum_group_size,
    )
    try:
        found = connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except (duckdb.CatalogException, duckdb.BinderException):  # a month of an older version
        rows = []
    except duckdb.IOException:
        if name not in NOT_DECIDING:
            raise
        log.warning("month %s: the file of %s cannot be read", state.label, name)
        rows = []
    return Query(sql, rows)


def _contents(
    found: Mapping[str, Query],
    timelines: Mapping[tuple[str, str, str], list[Row]],
    state: MonthState,
    phrase: Phrase,
) -> dict[str, Any]:
    rows = {name: query.rows for name, query in found.items()}
    checks = [
        {
            **check,
            "requires": words.check(check["check_id"], check["description"]),
            "guide": words.guidance(check["check_id"]),
            "timeline": timelines.get(_key(check), []),
        }
        for check in rows["checks"]
    ]
    failed = [check for check in checks if not check["passed"]]
    steps = _reconciliation(rows.get("reconciliation", []), phrase)
    return {
        "state": state,
        "sql": {name: query.sql for name, query in found.items()},
        "critical": [check for check in failed if check["severity"] == "critical"],
        "warnings": [check for check in failed if check["severity"] == "warning"],
        "owners": _by_owner(checks),
        "figures": _figures(rows.get("figures", []), state),
        "months_shown": rows.get("figures", []),
        "reasons": _reasons(rows.get("reasons", [])),
        "matrix": _matrix(rows.get("statuses", [])),
        "aging": _aging(rows.get("aging", [])),
        "buckets": plots.BUCKETS,
        "steps": steps,
        "are_closed": all(step["is_closed"] for step in steps),
        "files": [
            row | {"reporter": words.reporter(row["reporter_code"])}
            for row in rows.get("files", [])
        ],
        "answers": next(iter(rows.get("answers", [])), None),
        "unusual": rows.get("unusual", []),
        "alerts": rows.get("alerts", []),
        "pending": rows.get("pending", []),
        "repairs": [_repair(row) for row in rows.get("repairs", [])],
        "notices": next(iter(rows.get("notices", [])), None),
        "status": words.status,
        "statuses_shown": _statuses_shown(rows.get("statuses", [])),
        "owner_words": lambda name: known_or(phrase, "owner", name),
        "cause": words.cause,
        "event_words": lambda name: known_or(phrase, "alert", name),
    }


def _figures(rows: Sequence[Row], state: MonthState) -> list[Row]:
    """The five figures with their change, and the months before from newest to oldest."""
    if not rows or rows[0]["report_month"] != state.month:
        return []
    earlier = [] if state.is_supplement else rows[1:]
    return [
        {
            "name": name,
            "now": rows[0][name],
            "change": rows[0][name] - earlier[0][name] if earlier else None,
            "share": _share(rows[0][name] - earlier[0][name], earlier[0][name]) if earlier else "",
            "earlier": [(row["report_month"], row[name]) for row in earlier],
        }
        for name in FIGURES
    ]


def _share(change: Any, before: Any) -> str:
    return (
        f"{100 * float(change) / float(before):+.1f} %".replace("-", "\N{MINUS SIGN}")
        if before
        else ""
    )


def _reasons(rows: Sequence[Row]) -> Row | None:
    """The bar of the accounts by reason and its legend: reported first, then the most accounts."""
    now = [row for row in rows if row["accounts"] or row["accounts_before"]]
    if not any(row["accounts"] for row in rows):
        return None
    now.sort(key=lambda row: (row["reason_code"] != "REPORTED", -row["accounts"]))
    whole = sum(row["accounts"] for row in now)
    counts = {row["reason_code"]: row["accounts"] for row in now}
    known_before = any(row["accounts_before"] for row in rows)
    return {
        "whole": whole,
        "parts": plots.bar(counts, plots.colours_of(list(counts)), BAR, whole),
        "width": BAR,
        "rows": [
            {
                **row,
                "colour": plots.colour_of(row["reason_code"]),
                "sentence": words.reason(row["reason_code"]),
                "share": f"{100 * row['accounts'] / whole:.1f} %",
                "change": row["accounts"] - row["accounts_before"] if known_before else None,
            }
            for row in now
        ],
    }


def _matrix(rows: Sequence[Row]) -> plots.Matrix | None:
    """The moves between statuses; none in a month without a month before it."""
    counts = {
        (before if before != NOT_OPEN else "", row["status_now"]): row["accounts"]
        for row in rows
        for before in [row["status_before"]]
    }
    return plots.matrix(counts) if any(before for before, _ in counts) else None


def _statuses_shown(rows: Sequence[Row]) -> list[str]:
    """The statuses that occur, in order."""
    found = {row[name] for row in rows for name in ("status_before", "status_now")}
    return [status for status in plots.STATUSES if status in found]


def _aging(rows: Sequence[Row]) -> list[Row]:
    """A bar of the overdue accounts of each product, all on one scale."""
    of_product: dict[str, dict[str, Row]] = {}
    for row in rows:
        of_product.setdefault(row["product_code"], {})[row["bucket"] or "all"] = row
    late = {
        product: {name: found[name]["accounts"] if name in found else 0 for name in plots.BUCKETS}
        for product, found in of_product.items()
    }
    longest = max((sum(counts.values()) for counts in late.values()), default=0)
    return [
        {
            "product": words.product(product),
            "open": found["all"]["accounts"],
            "late": sum(late[product].values()),
            "overdue_total": found["all"]["overdue_total"],
            "counts": late[product],
            "share": f"{100 * sum(late[product].values()) / found['all']['accounts']:.1f} %",
            "parts": plots.bar(late[product], plots.BUCKETS, AGING_BAR, longest or 1),
        }
        for product, found in of_product.items()
    ]


def _reconciliation(rows: Sequence[Row], phrase: Phrase) -> list[Row]:
    """The steps with their equations; a difference in amounts alone is only named."""
    steps: dict[int, Row] = {}
    for row in rows:
        number = row["step_number"]
        step = steps.setdefault(
            number, {"name": row["step"], "is_closed": True, "rows": [], "amounts": []}
        )
        step["is_closed"] &= row["is_closed"]
        line = row | {"words": _difference(row, phrase)}
        if row["part"] != "item" or row["accounts"]:
            step["rows"].append(line)
        elif number:  # of the delivered rows there are no amounts
            step["amounts"].append(line)
    return list(steps.values())


def _difference(row: Row, phrase: Phrase) -> Words:
    """An item of an equation in words: a reason, a rule, a code of the bureau, or our own."""
    item = row["item"]
    key = f"item.{item.replace(' ', '_')}"
    if key in phrases():
        return Words(phrase(key), phrase(key))
    if item in reasons():
        return words.reason(item)
    if item in words.rules():  # its sentence says what should be
        sentence, fails = words.rule(words.rules()[item]), phrase("fails", rule=item)
        return Words(f"{fails} {sentence.en}", f"{fails}{sentence.zh}")
    if item.startswith("rejected "):
        return words.feedback(item.removeprefix("rejected "))
    return Words(item)


def _repair(row: Row) -> Row:
    """Records to repair for one cause, which is a rule or a code of the bureau."""
    known = words.rules().get(row["code"])
    sentence_zh = known.sentence_zh if known else words.feedback(row["code"]).zh
    usual_cause_zh = known.usual_cause_zh if known else ""
    cause, to_do = row["usual_cause"], row["what_to_do"]
    return row | {
        "sentence": Words(row["sentence"], sentence_zh),
        "usual_cause": Words(cause, usual_cause_zh) if cause else None,
        # of a rule the check guide says what to do, which stands on the page of the checks
        "what_to_do": Words(to_do) if to_do and row["cause"] == "REJECTED" else None,
    }


def _by_owner(checks: Sequence[Row]) -> list[Row]:
    """The checks by owner: what failed, what failed lately and passes now, and how many passed."""
    owners: dict[str, list[Row]] = {}
    for check in checks:
        owners.setdefault(check["owner"] or "-", []).append(check)
    found = [
        {
            "name": owner,
            "open": [check for check in of_owner if _needs_a_person(check)],
            "settled": [
                check for check in of_owner if not check["passed"] and not _needs_a_person(check)
            ],
            "recovered": [
                check
                for check in of_owner
                if check["passed"] and any(one["kind"] not in "pn" for one in check["timeline"])
            ],
            "passed": sum(check["passed"] for check in of_owner),
        }
        for owner, of_owner in owners.items()
    ]
    return sorted(found, key=lambda owner: (-len(owner["open"]), owner["name"]))


def _needs_a_person(check: Row) -> bool:
    return not check["passed"] and not check["is_waived"] and check["severity"] != "info"


def _key(check: Row) -> tuple[str, str, str]:
    return check["layer"], check["table_name"], check["check_id"]


def _timelines(
    connection: duckdb.DuckDBPyConnection, state: MonthState
) -> dict[tuple[str, str, str], list[Row]]:
    """Of each check a square a month, up to this one; of a month that did not evaluate it: n."""
    rows = connection.execute(
        "select layer, table_name, check_id, report_month, rows_failing, rows_checked, case "
        "when passed then 'p' when is_waived then 'w' when severity = 'critical' then 'c' "
        "when severity = 'warning' then 'a' else 'i' end "
        "from shown_data_quality_results "
        f"where not is_supplement and report_month <= date '{state.month}'"
    ).fetchall()
    months = sorted({row[3] for row in rows})[-TIMELINE:]
    found: dict[tuple[str, str, str], dict[Any, Row]] = {}
    for layer, table, check, month, failing, checked, kind in rows:
        square = {"month": month, "failing": failing, "checked": checked, "kind": kind}
        found.setdefault((layer, table, check), {})[month] = square
    return {
        key: [squares.get(month, {"month": month, "kind": "n"}) for month in months]
        for key, squares in found.items()
    }
