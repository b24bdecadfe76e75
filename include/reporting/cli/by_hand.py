"""dbt by hand, and what it changed."""

from rich.console import Console
from rich.text import Text

from reporting.cli.terminal import plain_table, shown
from reporting.core.settings import Settings
from reporting.store.month_order import run_of
from reporting.transform.by_hand import Difference, differences, run_by_hand


def run(
    arguments: list[str],
    month: str,
    as_of: str | None,
    is_compared: bool,
    is_fresh: bool,
    settings: Settings,
    console: Console,
) -> None:
    """Run dbt on the copy of the month's store; with ``is_compared``, print the differences."""
    one = run_of(month, as_of, settings)
    run_by_hand(one, settings, arguments, is_fresh)
    if is_compared:
        found = [difference for difference in differences(one, settings) if difference.is_any]
        _show(found, one.label, console)


def _show(found: list[Difference], label: str, console: Console) -> None:
    if not found:
        console.print(f"Every row is as {label} was published.", highlight=False)
        return
    table = plain_table("table", "only published", "only by hand", "changed", "columns")
    for column in table.columns[1:4]:
        column.justify = "right"
    for one in found:
        counts = (f"{n:,}" for n in (one.only_published, one.only_by_hand, one.changed))
        words = ", ".join(f"{name} {n:,}" if n else f"{name} (new or gone)" for name, n in
                          one.columns.items())  # fmt: skip
        table.add_row(one.table, *counts, Text(words))
    console.print(table)
    for one in found:
        for example in one.examples:
            console.print(Text(f"{one.table} {shown(example)}"), soft_wrap=True)
