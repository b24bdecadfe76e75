"""What a run produced and where it is stored, printed at the end of every run."""

import json
import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from reporting.cli.terminal import SafeConsole, plain_table
from reporting.core.run import Run, next_month, parse_month
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.pages.front_page import front_page
from reporting.records.notices import notices_file
from reporting.store.month_order import cut_off_needed
from reporting.store.published_database import open_published
from reporting.store.run_marks import now
from reporting.submission.approval import next_act


def show(settings: Settings, months: list[str], console: Console | None = None) -> None:
    """Print accounts by verdict, files, checks and paths for months just built."""
    console = console or SafeConsole()
    with open_published(settings) as connection:
        first_days = [parse_month(month) for month in months]
        counts = connection.execute(
            "select report_month, reason_code, count(*) from marts.reportable_population "
            "where report_month in (select unnest(?)) group by all",
            [first_days],
        ).fetchall()
        checks = connection.execute(
            "select report_month, count(*), "
            "count(*) filter (where not passed and severity = 'critical'), "
            "count(*) filter (where not passed and severity = 'warning' "
            "and is_waived is not true), "
            "string_agg(check_id, ', ' order by check_id) "
            "filter (where not passed and severity = 'warning' and is_waived is not true), "
            "count(*) filter (where is_waived) "
            "from marts.data_quality_results where report_month in (select unnest(?)) "
            "and (report_month, as_of) in (select (report_month, as_of) from marts.built_months) "
            "group by all order by all",
            [first_days],
        ).fetchall()
        quarantined = connection.execute(
            "select count(distinct (table_name, row_key, recorded_at)) "
            "filter (where healed_as_of is null), "
            "count(distinct (table_name, row_key, recorded_at)) filter (where healed_as_of in "
            "(select as_of from marts.built_months where report_month in (select unnest(?)))) "
            "from marts.quarantined_rows",
            [first_days],
        ).fetchall()[0]
        later = connection.execute(
            "select counts.report_month, any_value(built.as_of), sum(counts.after_cut_off)::bigint "
            "from marts.feed_counts as counts inner join marts.built_months as built "
            "using (report_month) where report_month in (select unnest(?)) "
            "group by all having sum(counts.after_cut_off) > 0 order by all",
            [first_days],
        ).fetchall()
        due = connection.execute(
            "select report_month, count(*) from marts.notices_due "
            "where report_month in (select unnest(?)) group by all order by all",
            [first_days],
        ).fetchall()
        withheld = connection.execute(
            "select report_month, withheld from marts.run_figures where withheld > 0 "
            "and not is_supplement and report_month in (select unnest(?)) order by all",
            [first_days],
        ).fetchall()
        [(someone,)] = connection.execute(
            "select min(customer_id) from marts.reportable_population where report_month = ? "
            "and not is_reportable",
            [first_days[-1]],
        ).fetchall()
    _print_verdicts(console, months, {(f"{m:%Y-%m}", code): n for m, code, n in counts})
    _print_files(console, settings, months)
    for month, count in due:
        path = notices_file(settings, f"{month:%Y-%m}")
        console.print(
            f"Advance notices to send: {count:,} in {path}", highlight=False, soft_wrap=True
        )
    for month, count in withheld:
        console.print(
            f"Withheld in {month:%Y-%m} by rules: {count:,} record(s), to repair "
            f"({_command()} months)",
            highlight=False,
            soft_wrap=True,
        )
    for month, total, critical, warnings, warned, waived in checks:
        console.print(
            f"Checks of {month:%Y-%m}: {total} run, {critical} critical, {warnings} warning(s)"
            + (f", {waived} waived" if waived else "")
            + (f": {warned}" if warned else ""),
            highlight=False,
        )
    console.print(
        f"Quarantined raw rows: {quarantined[0]:,}"
        + (f"; healed since the month before: {quarantined[1]:,}" if quarantined[1] else ""),
        highlight=False,
    )
    for month, as_of, rows in later:
        console.print(
            f"Not read in {month:%Y-%m}: {rows:,} row(s) recorded after its cut-off, "
            f"{as_of:%Y-%m-%d %H:%M}",
            highlight=False,
        )
    _print_next(console, settings, months[-1], someone)


def show_supplement(run: Run, settings: Settings, console: Console | None = None) -> None:
    """Print what a supplement sends, what is still pending, and the next act."""
    console = console or SafeConsole()
    with open_published(settings) as connection:
        rows = connection.execute(
            "select record_type, count(*) filter (where state <> 'WITHHELD'), "
            "count(*) filter (where state = 'WITHHELD') from marts.submission_records "
            "where report_month = ? and as_of = ? group by all order by all",
            [run.month, run.as_of],
        ).fetchall()
        pending = connection.execute(
            "select count(*) from marts.months_owed where report_month = ?", [run.month]
        ).fetchall()[0][0]
    table = plain_table("records", "in files", "withheld")
    for kind, built, withheld in rows:
        table.add_row(kind, f"{built:,}", f"{withheld:,}")
    console.print(table)
    _print_files(console, settings, [run.label])
    lines = [f"Still pending after this supplement: {pending:,} months"]
    if needed := cut_off_needed(run, settings):
        lines.append(
            f"{next_month(run.month):%Y-%m} is built and will need --as-of {needed.isoformat()} "
            "once this supplement is released"
        )
    if act := next_act(settings, now()):
        lines.append(f"To release: {act}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _print_verdicts(
    console: Console, months: list[str], counts: dict[tuple[str, str], int]
) -> None:
    table = plain_table(
        "accounts",
        *months,
        "meaning",
        title="Reported and withheld",
    )
    for code, reason in reversed(reasons().items()):
        numbers = [counts.get((month, code), 0) for month in months]
        if any(numbers):
            table.add_row(code, *(f"{number:,}" for number in numbers), reason.sentence)
    console.print(table)


def _print_files(console: Console, settings: Settings, months: list[str]) -> None:
    table = plain_table(
        *("submission file", "records", "bytes", "where"),
        title="Files",
    )
    folders: dict[str, Path] = {}
    for month in months:
        for path in sorted(settings.submissions.glob(f"*/{month}/manifest.json")):
            for file in json.loads(path.read_text(encoding="utf-8"))["files"]:
                name = f"{path.parent.parent.name}/{month}/{file['name']}"
                is_clear = path.with_name(file["name"]).is_file()
                where = settings.submissions if is_clear else settings.outbox
                folders[where.name] = where
                table.add_row(name, f"{file['records']:,}", f"{file['bytes']:,}", where.name)
    console.print(table)
    for name, folder in sorted(folders.items()):
        words = "sealed files (.enc)" if folder == settings.outbox else "clear files"
        console.print(f"{name}: {words} in {folder}", highlight=False, soft_wrap=True)


def _print_next(console: Console, settings: Settings, month: str, someone: str | None) -> None:
    console.print(f"Database: {settings.published_database}", highlight=False, soft_wrap=True)
    console.print(
        f"Page of the month: {settings.month_page(month)}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"All months: {front_page(settings)}", highlight=False, soft_wrap=True)
    command = _command()
    if act := next_act(settings, now()):
        console.print(f"To release: {act}", highlight=False, soft_wrap=True)
    console.print("Next, try:")
    for words in ("months", f"why {typed(someone)}", "explore"):
        console.print(Text(f"  {command} {words}"), soft_wrap=True)


def typed(subject: str | None) -> str:
    """An id as it is typed in a shell; it may begin like an option."""
    if not subject:
        return "CUSTOMER_OR_ACCOUNT"
    return f"-- {shlex.quote(subject)}" if subject.startswith("-") else shlex.quote(subject)


def _command() -> str:
    """The command as it is typed here: with its path if the environment is not active."""
    if shutil.which("reporting"):
        return "reporting"
    path = Path(sys.executable).with_name("reporting")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
