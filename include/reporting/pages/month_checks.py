"""The page of a month's checks: every check, failed ones first, with owner and what to do.

It loads nothing from the network. Great Expectations' own pages are not written: they fetch styles
and scripts from other servers, cost a second per layer, and say no more.
"""

from collections.abc import Sequence
from html import escape

import duckdb

from reporting.checks import guide
from reporting.checks.results import CheckResult
from reporting.core import atomic
from reporting.core.run import Run
from reporting.core.settings import Settings

COLUMNS = (
    *("layer", "table", "check", "severity", "outcome", "rows failing", "rows checked", "such as"),
    *("owner", "what is expected, and what to do"),
)
PLACE, END = "<!-- reconciliation, once the month is built -->", "</body></html>\n"

# On a narrow screen a row is a block, and each cell is labelled with its column.
NAMES = "".join(
    f'  .checks td:nth-child({place})::before {{ content: "{name}: "; }}\n'
    for place, name in enumerate(COLUMNS, start=1)
)
STYLE = (
    """<style>
body { font-family: sans-serif; margin: 2rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin-bottom: 1rem; }
td, th { border-bottom: 1px solid #ccc; padding: .2rem .7rem; text-align: left; }
.checks { font-size: .85rem; width: 100%; }
.checks td { vertical-align: top; }
.checks td, .checks th { padding: .2rem .4rem; overflow-wrap: break-word; }
.checks td:nth-child(2), .checks td:nth-child(3), .checks td:nth-child(8) {  /* ids */
  overflow-wrap: anywhere;
}
.checks td:last-child { width: 30%; }
@media (max-width: 60rem) {  /* a check is a block, and its cells name themselves */
  body { margin: .5rem; }
  .checks tbody, .checks tr, .checks td { display: block; width: auto; }
  .checks td:last-child { width: auto; }
  .checks tr { border-bottom: 2px solid #888; padding: .4rem 0; }
  .checks td { border: 0; }
  .checks tr:first-child { display: none; }
  .checks td::before { color: #555; }
"""
    + NAMES
    + """}
.failed { background: #fdd; }
</style>
"""
)


def write_page(run: Run, settings: Settings, results: Sequence[CheckResult]) -> None:
    """Write the page of a month from all its results so far, aside first."""
    page = settings.check_page(run.label)
    page.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replaced(page) as aside:
        aside.write_text(start_page(run, results), "utf-8")


def show_reconciliation(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Show on the month's start page how many accounts each step of its reconciliation counts.

    The amounts stand in ``marts.reconciliation`` alone: the page holds no value of a row.
    """
    rows = connection.execute(
        "select step, part, item, sum(accounts), bool_and(is_closed) from marts.reconciliation "
        "group by step_number, step, part, item "
        "order by step_number, list_position(['start', 'item', 'total'], part), item"
    ).fetchall()
    table = "".join(
        f"<tr><td>{escape(step)}</td><td>{escape(part)}</td><td>{escape(item)}</td>"
        f"<td>{accounts:,}</td><td>{'closes' if is_closed else 'DOES NOT CLOSE'}</td></tr>\n"
        for step, part, item, accounts, is_closed in rows
    )
    shown = (
        f"{PLACE}<h2>Reconciliation</h2><p>Start and items add up to the total, accounts and "
        "amounts, to the fen.</p><table><tr><th>step</th><th>part</th><th>item</th>"
        f"<th>accounts</th><th>outcome</th></tr>\n{table}</table>"
    )
    page = settings.check_page(run.label)
    if not page.is_file():  # somebody removed it since the last check
        return
    html = page.read_text("utf-8").partition(PLACE)[0]
    with atomic.replaced(page) as aside:
        aside.write_text(f"{html}{shown}{END}", "utf-8")


def _outcome(result: CheckResult) -> str:
    outcome = "passed" if result.passed else "waived" if result.is_waived else "failed"
    return f"{outcome}: {escape(result.waiver_note)}" if result.waiver_note else outcome


def _to_do(result: CheckResult) -> str:
    """What to do on a failed check, from the check guide."""
    if result.passed:
        return ""
    return f"<br><b>To do:</b> {escape(guide.entry(result.check_id).do)}"


def start_page(run: Run, results: Sequence[CheckResult]) -> str:
    """Every check of the month so far, failed ones first, with owner and what to do."""
    rows = [
        f'<tr class="{"passed" if result.passed else "failed"}"><td>{escape(result.layer)}</td>'
        f"<td>{escape(result.table_name)}</td><td>{escape(result.check_id)}</td>"
        f"<td>{escape(result.severity)}</td>"
        f"<td>{_outcome(result)}</td><td>{result.rows_failing:,}</td>"
        f"<td>{result.rows_checked:,}</td><td>{escape(', '.join(result.example_keys))}</td>"
        f"<td>{escape(result.owner)}</td><td>{escape(result.description)}{_to_do(result)}</td></tr>"
        for result in sorted(
            results,
            key=lambda one: (not one.is_open, one.passed, guide.SEVERITIES.index(one.severity)),
        )
    ]
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Checks of {run.label}'
        f"</title>{STYLE}</head><body><h1>Checks of {run.label}, as known at {run.as_of}</h1>"
        f"<p>{len(results)} checks, {sum(not result.passed for result in results)} failed. A failed"
        " critical check stops the month. Counts and pseudonymous keys alone: no value of a row."
        ' <a href="../trend.html">All months side by side</a></p>'
        '<table class="checks"><tr>'
        + "".join(f"<th>{name}</th>" for name in COLUMNS)
        + "</tr>\n"
        + "\n".join(rows)
        + f"\n</table>{PLACE}{END}"
    )
