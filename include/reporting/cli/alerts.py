"""The commands about alerts: a test message, the open ones, and who takes one."""

from rich.console import Console
from rich.text import Text

from reporting.alerts import alert_events
from reporting.alerts.send import may_have_destinations, send_test
from reporting.cli.terminal import keep_whole, plain_table, shown
from reporting.core.errors import ReportingError
from reporting.core.run import parse_month
from reporting.core.settings import Settings


def show_test(settings: Settings, console: Console) -> None:
    """Send a test message to every destination; ReportingError names those that did not take it."""
    results = send_test(settings)
    table = plain_table("destination", "audiences", "result")
    for one in results:
        answer = one.fault or "delivered"
        table.add_row(*map(Text, (one.connection, ", ".join(one.audiences) or "-", answer)))
    console.print(table)
    failed = [one.connection for one in results if one.fault]
    if failed:
        raise ReportingError(f"not delivered to {', '.join(failed)}; correct these connections")


def acknowledge(alert: str, by: str, note: str, settings: Settings, console: Console) -> None:
    """Note who takes an alert, and renew the pages that show it; BadCall if none has this id."""
    from reporting.pages.renew import renew_after

    taken = alert_events.acknowledge(alert, by, note, settings)
    renew_after(settings, [parse_month(taken.month[:7])], are_checks_new=False)
    before = f" It was taken by {taken.answered_by} before." if taken.answered_by else ""
    words = f"{taken.alert_id} is acknowledged by {by}.{before}"
    console.print(words, soft_wrap=True, highlight=False)


def show_open(settings: Settings, console: Console) -> None:
    """Print the open alerts; where there is none, whether any could have been sent."""
    table = plain_table("alert", "severity", "audience", "since", "answered by")
    for one in alert_events.open_now(settings):
        since = f"{one.sent_at:%Y-%m-%d %H:%M}" if one.sent_at else "not known"
        cells = (one.alert_id, one.severity, one.audience, since, one.answered_by or "-")
        table.add_row(*(Text(shown(cell)) for cell in cells))
    keep_whole(table.columns[0])  # so that the id can be copied
    if table.row_count:
        console.print(table)
    elif may_have_destinations():
        console.print("No alert is open.")
    else:
        words = "No alert is open: none is sent, since no destination is configured"
        console.print(f"{words} (docs/runbook.md, Configure a destination).", soft_wrap=True)
