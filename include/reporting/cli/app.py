"""The command line: every command only calls the functions that the DAG calls too."""

import atexit
import gc
import json
import logging
import signal
import sys
import traceback
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from reporting.cli.installation import read_env_file, unknown_variables
from reporting.cli.terminal import SafeConsole, keep_whole, plain_table, shown
from reporting.core import interrupts
from reporting.core.database import interrupted_as_others
from reporting.core.errors import BadCall, ReportingError, Unforeseen
from reporting.core.run import CHINA, Run, parse_day, parse_month
from reporting.core.settings import Settings, load_settings
from reporting.pipeline.guard import guarded
from reporting.statement.language import Language
from reporting.store.month_order import run_of

app = typer.Typer(
    help="Monthly reporting of consumer credit to the central bank's credit reporting system.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = SafeConsole()
log = logging.getLogger(__name__)

BY_SIGNAL = 128  # plus the signal's number, as in a shell
GARBAGE_AFTER = 50_000  # objects made and not freed between two searches; Python's own is 700

Month = Annotated[str, typer.Option("--month", help="The report month, YYYY-MM.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Cut-off: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, China time."),
]


Json = Annotated[bool, typer.Option("--json", help="Print values for programs.")]


def _print_versions(is_given: bool) -> None:
    if is_given:
        from reporting.cli import installation

        console.print(installation.versions(), highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_versions, is_eager=True, help="Show versions and end."
        ),
    ] = False,
) -> None:
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, format="%(message)s")


@app.command()
def generate(
    accounts: Annotated[int, typer.Option(min=1, help="Accounts in the book.")] = 2000,
    months: Annotated[int, typer.Option(min=1, help="Months of history.")] = 12,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal books.")] = 7,
    defects: Annotated[
        Path | None,
        typer.Option(help="Plant defects in the book; this CSV file lists them and their places."),
    ] = None,
    defect: Annotated[
        list[str] | None,
        typer.Option(help="Only this class of defects; repeatable. Default: all that can combine."),
    ] = None,
) -> None:
    """Write a synthetic lender's book into the landing zone (all persons are fictitious)."""
    from reporting.synthetic import lender
    from reporting.synthetic.defects import planted

    settings = load_settings()
    with console.status(f"Writing {accounts:,} accounts x {months} months ..."):
        book = lender.generate(
            settings.landing_folder, accounts, months, seed, journal=defects, defects=defect or ()
        )
    console.print(lender.render(book))
    if defects:
        console.print(planted(defects), soft_wrap=True)


@app.command()
def run(
    month: Month,
    as_of: AsOf = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be done, and whether it may; do nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Report one month: land, check, build marts, check, build records, check, publish."""
    settings = load_settings()
    one = run_of(month, as_of, settings)
    if dry_run:
        _show_plan(one, settings, as_json)
        return
    if one.as_of > datetime.now(CHINA).replace(tzinfo=None):
        log.warning("%s: its cut-off %s lies in the future", one.label, one.as_of.isoformat())
    from reporting.cli import summary
    from reporting.pipeline import steps

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    shown_on = SafeConsole(stderr=True) if as_json else console
    with Progress(*columns, console=shown_on, transient=True) as progress:
        task = progress.add_task(month, total=len(steps.STEPS))

        def started(step: str) -> None:
            progress.update(task, description=f"{month}  {step.replace('_', ' ')}", advance=1)

        said = steps.run_month(one, settings, started)
    if as_json:
        from reporting.pipeline.finished_month import described

        _print_json(described(one, settings) | {"said": said})
    elif said is not None:
        console.print(said, highlight=False, soft_wrap=True)
    elif one.is_supplement:
        summary.show_supplement(one, settings, console)
    else:
        summary.show(settings, [month], console)


def _show_plan(one: Run, settings: Settings, as_json: bool) -> None:
    from reporting.pipeline.plan import plan

    found = plan(one, settings)
    if as_json:
        _print_json(asdict(found))
        return
    table = plain_table("feed", "files")
    table.columns[1].justify = "right"
    for feed, files in found.files.items():
        table.add_row(feed, f"{files:,}")
    rests = f"rests on {found.rests_on}" if found.rests_on else "is the first run"
    console.print(
        f"{found.run} at {found.as_of}: {found.kind}; {rests}", highlight=False, soft_wrap=True
    )
    console.print(table)
    console.print(f"{found.bytes:,} bytes would be read. Nothing was done.", highlight=False)


def _print_json(values: object) -> None:
    """Print values for programs: JSON alone on standard output, in one line."""
    sys.stdout.write(json.dumps(values, default=_as_text, ensure_ascii=False) + "\n")


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@app.command()
def approve(
    month: Month,
    as_of: AsOf = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:
    """Approve a built month for release; another person than its builder must do it."""
    from reporting.cli import submission

    submission.approve(month, as_of, load_settings(), console, yes)


@app.command()
def reject(
    month: Month,
    reason: Annotated[str, typer.Option("--reason", help="Why; without personal data.")],
    as_of: AsOf = None,
) -> None:
    """Decline a built month, so that it is not released."""
    from reporting.cli import submission

    submission.reject(month, as_of, reason, load_settings(), console)


@app.command()
def release(
    month: Month,
    as_of: AsOf = None,
    already_delivered: Annotated[
        bool,
        typer.Option(
            "--already-delivered",
            help="Its files were carried by hand before this ledger began; with --reason.",
        ),
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="How they were delivered.")] = "",
) -> None:
    """Seal and deliver an approved month; of a released one, what is not delivered yet."""
    from reporting.cli import submission

    if already_delivered:
        submission.enter_delivered(month, as_of, reason, load_settings(), console)
        return
    if reason:
        raise BadCall("--reason goes with --already-delivered")
    submission.release_run(month, as_of, load_settings(), console)


@app.command()
def feedback(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Sealed answers to read.")
    ] = None,
    accepted: Annotated[
        str | None, typer.Option("--accepted", help="A file that the bureau accepted by word.")
    ] = None,
    refused: Annotated[
        str | None, typer.Option("--refused", help="A file that it refused by word (--code).")
    ] = None,
    code: Annotated[str | None, typer.Option("--code", help="The code of the refusal.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="How the bureau answered.")] = "",
) -> None:
    """Read the bureau's answers; without a file, fetch and read what is new."""
    from reporting.cli import submission

    submission.feedback(paths or [], accepted, refused, code, reason, load_settings(), console)


@app.command()
def ledger(
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every batch and every file it names.")
    ] = False,
) -> None:
    """Show the newest events of the submission ledger."""
    from reporting.cli import submission

    submission.show_ledger(load_settings(), console, verify)


@app.command()
def watch(
    on: Annotated[str | None, typer.Option("--on", help="YYYY-MM-DD; today in China.")] = None,
    as_json: Json = False,
) -> None:
    """Run the daily watch: check the landing zone and the deadline, and send alerts."""
    from reporting.monitoring import watch as daily

    settings = load_settings()
    today = datetime.now(CHINA).date()
    results = daily.watch(parse_day(on) if on else today, settings)
    if as_json:
        _print_json([asdict(one) for one in results])
    else:
        console.print(daily.overview(results), highlight=False)
    daily.require_fit(results)


@app.command("alert-test")
def alert_test() -> None:
    """Send a test message to every alert destination and show the results."""
    from reporting.cli import alerts

    alerts.show_test(load_settings(), console)


@app.command()
def months(as_json: Json = False) -> None:
    """Show which months are built, what was reported, and what is withheld or pending and why."""
    from reporting.cli import months as built

    if as_json:
        _print_json(built.as_values(load_settings()))
    else:
        console.print(built.overview(load_settings()))


@app.command()
def settings(as_json: Json = False) -> None:
    """Show every setting, its value, and where the value comes from."""
    from reporting.cli import installation

    found = installation.values(load_settings())
    if as_json:
        _print_json([asdict(one) for one in found])
    else:
        table = plain_table("setting", "value", "from", "meaning")
        for one in found:
            table.add_row(*map(Text, (one.variable, shown(one.value), one.source, one.meaning)))
        keep_whole(table.columns[0])
        console.print(table)


@app.command()
def why(
    subject: Annotated[str, typer.Argument(metavar="CUSTOMER_OR_ACCOUNT")],
    month: Annotated[str | None, typer.Option("--month", help="YYYY-MM; the latest built.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the ledger event by event and each field's sum.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Explain whether a customer or account is reported, since when, on what basis, or why not."""
    from reporting.why import answer

    settings = load_settings()
    if as_json:
        if explain:
            raise BadCall("give --explain or --json, not both")
        _print_json(answer.as_values(subject, month, settings))
        return
    console.print(answer.explain(subject, month, settings), soft_wrap=True)
    if explain:
        from reporting.why import explanation as replay

        explanation = replay.explain(*answer.accounts_of(subject, month, settings), settings)
        console.print(explanation.text, soft_wrap=True)
        explanation.require_equal()


@app.command()
def statement(
    subject: Annotated[str, typer.Argument(metavar="CUSTOMER_OR_ACCOUNT")],
    month: Annotated[
        str | None,
        typer.Option("--month", help="YYYY-MM, whose verdict is explained; the latest built."),
    ] = None,
    lang: Annotated[
        Language, typer.Option("--lang", help="The language; Chinese (zh) by default.")
    ] = Language.ZH,
    html: Annotated[bool, typer.Option("--html", help="As a page to print (A4).")] = False,
    as_json: Json = False,
) -> None:
    """Answer a customer in plain words: what is reported, why, and how to dispute it."""
    from reporting.statement.render import Form, render_statement

    if html and as_json:
        raise BadCall("give --html or --json, not both")
    form = Form.HTML if html else Form.JSON if as_json else Form.TEXT
    text = render_statement(subject, month, lang, form, load_settings())
    if form is Form.TEXT:
        console.print(Text(text.rstrip("\n")), soft_wrap=True)
    else:
        sys.stdout.write(text)


@app.command()
def waive(
    check: Annotated[str, typer.Argument(help="The id of a failed check of severity warning.")],
    month: Month,
    by: Annotated[str, typer.Option("--by", help="Who has reviewed it.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why it may pass; without personal data.")
    ],
    until: Annotated[str, typer.Option("--until", help="The last day it holds, YYYY-MM-DD.")],
) -> None:
    """Waive a warning of a month until a day, while the same rows fail."""
    from reporting.alerts import alert_events
    from reporting.checks.waivers import waive as give_waiver
    from reporting.pages.renew import renew_after

    settings = load_settings()
    path = give_waiver(check, month, by, reason, until, settings)
    alert_events.waived(month, check, by, reason, settings)
    renew_after(settings, [parse_month(month)], are_checks_new=False)
    console.print(
        f"Waived in {path}; it applies from the next run on.", soft_wrap=True, highlight=False
    )


@app.command()
def ack(
    alert: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="An open alert; without it, list them.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who takes it.")] = "",
    note: Annotated[str, typer.Option("--note", help="Without personal data.")] = "",
) -> None:
    """Acknowledge an open alert, so that it is not repeated; without an id, list the open ones."""
    from reporting.cli import alerts

    if alert is None:
        alerts.show_open(load_settings(), console)
    else:
        alerts.acknowledge(alert, by, note, load_settings(), console)


@app.command()
def explore(
    statement: Annotated[
        str | None, typer.Option("--command", "-c", help="SQL to run; then the shell ends.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print rows as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON.")] = False,
) -> None:
    """Open DuckDB's shell on the published database, read-only."""
    from reporting.cli import explore as shell

    if as_csv and as_json:
        raise BadCall("give --csv or --json, not both")
    form = "csv" if as_csv else "json" if as_json else ""
    shell.open_shell(load_settings(), console, statement, form)


@app.command()
def share(
    file: Annotated[Path, typer.Argument(help="The new database file.")],
    months: Annotated[
        int | None, typer.Option(min=1, help="The newest months only; default: all.")
    ] = None,
) -> None:
    """Copy the published tables into one DuckDB file that needs no other file."""
    from reporting.store.share import write_copy

    with console.status("Copying the published tables ..."):
        copied = write_copy(file, months, load_settings())
    console.print(
        f"Written: {file}, {copied.tables} tables, {copied.months} month(s), {copied.rows:,} rows",
        soft_wrap=True,
        highlight=False,
    )


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- DBT_ARGUMENTS", help="What dbt does.")
    ] = None,
    month: Annotated[str, typer.Option("--month", help="A built month, YYYY-MM.")] = "",
    as_of: AsOf = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Show which rows differ from the published month.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin with a new copy of the build store.")
    ] = False,
) -> None:
    """Run dbt on a copy of a month's build store, with the run's variables."""
    from reporting.cli import by_hand

    by_hand.run(arguments or [], month, as_of, compare, fresh, load_settings(), console)


@app.command()
def docs() -> None:
    """Build all pages: the months, their checks, the trend, the reference, dbt's documentation."""
    from reporting.pages import dbt_docs

    with console.status("Writing the pages ..."):
        page = dbt_docs.build_pages(load_settings())
    console.print(f"Open {page}", soft_wrap=True, highlight=False)


@app.command()
def demo(
    accounts: Annotated[int, typer.Option(min=1)] = 2000,
    months: Annotated[int, typer.Option(min=3)] = 12,
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    """Generate a synthetic book and run its last three months through the real DAG (`make run`)."""
    from reporting.cli.demo import run_demo

    run_demo(load_settings(), accounts, months, seed)


def main() -> None:
    """Run the command line; an error is one line and an exit code, a traceback with --debug."""
    # app() itself would put its own hook for exceptions
    command = interrupted_as_others()(typer.main.get_command(app))
    is_debug = "--debug" in sys.argv
    interrupts.listen()
    # dbt and Great Expectations hold half a million objects for the whole command: search them for
    # garbage seldom, and not at exit
    gc.set_threshold(GARBAGE_AFTER)
    logging.raiseExceptions = False  # a log that a full disk does not take is no error of its own
    atexit.register(gc.freeze)
    try:
        read_env_file()
        for name in unknown_variables():
            _warn(f"{name} is no setting; correct its name or unset it")
        command() if is_debug else guarded(command)
    except ReportingError as error:
        if is_debug:
            traceback.print_exception(error)
            sys.exit(error.exit_code)
        more = " (the traceback: reporting --debug ...)" if isinstance(error, Unforeseen) else ""
        for line in f"{error}{more}".splitlines():
            _say(line)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as ended:
        number = interrupts.received()
        if number is None and isinstance(ended, SystemExit):
            raise
        if number == signal.SIGTERM:
            _say("stopped by SIGTERM; the next run repeats what was not finished")
        sys.exit(BY_SIGNAL + (number or signal.SIGINT))  # typer makes every interrupt an exit 130
    finally:
        interrupts.end()


def _say(line: str) -> None:
    _print_to_people(f"error: {line}")


def _warn(line: str) -> None:
    _print_to_people(f"warning: {line}")


def _print_to_people(line: str) -> None:
    """Print a line on standard error, which programs that read the output do not see."""
    SafeConsole(stderr=True, highlight=False, soft_wrap=True, markup=False).print(line)
