"""The commands from a built month to the bureau: approve, reject, release, and the ledger."""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.text import Text

from reporting.cli.terminal import plain_table
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.seeds import feedback_code
from reporting.core.settings import Settings
from reporting.store.run_marks import now
from reporting.store.submission_ledger import current_actor
from reporting.submission import approval, release, review, verify
from reporting.submission import feedback as answers
from reporting.submission.repair import count_set_aside

EVENTS_SHOWN = 20


def approve(month: str, as_of: str | None, settings: Settings, console: Console, yes: bool) -> None:
    """Show the run, ask for ``yes`` and approve it in the name of who calls."""
    run = approval.newest_run(month, as_of, settings)
    state = approval.built_state(run, settings)
    approval.require_open(state)
    approval.require_may_approve(state, current_actor(), settings)
    _print(console, review.review(state, settings).lines())
    if not yes and console.input("Approve it? Type yes: ").strip() != "yes":
        raise BadCall(f"month {run.label} was not approved")
    shown = (state.run_id, state.files_digest)
    state = approval.approve(run, settings, now(), shown=shown)
    _print(
        console,
        [
            f"{run.label} is approved by {state.decided_by}.",
            f"Next: reporting release {run.options}",
        ],
    )


def reject(month: str, as_of: str | None, reason: str, settings: Settings, con: Console) -> None:
    """Decline the run with a reason."""
    run = approval.newest_run(month, as_of, settings)
    state = approval.decline(run, settings, now(), reason=reason)
    _print(
        con,
        [
            f"{run.label} is declined by {state.decided_by}.",
            f"Next: reporting run {run.options}",
        ],
    )


def release_run(month: str, as_of: str | None, settings: Settings, console: Console) -> None:
    """Release an approved run, and deliver its files."""
    run = approval.newest_run(month, as_of, settings)
    with console.status(f"Releasing {run.label} ..."):
        delivered = release.release(run, settings, now)
    if not delivered:
        _print(console, [f"{run.label} is released and delivered; nothing is left to do."])
        return
    table = plain_table("institution", "file", "records", "delivered by")
    for one in delivered:
        table.add_row(Text(one.reporter_code), Text(one.file_name), f"{one.records:,}", one.channel)
    console.print(table)
    _print(
        console,
        [f"{run.label} is released.", f"Sealed files: {settings.outbox}; they are never changed."],
    )


def enter_delivered(
    month: str, as_of: str | None, reason: str, settings: Settings, console: Console
) -> None:
    """Enter a month whose files were carried by hand as released and delivered."""
    run = approval.newest_run(month, as_of, settings)
    entered = release.enter_delivered(run, reason, settings, now)
    _print(
        console,
        [
            f"{run.label} is entered as delivered by hand: {len(entered)} files.",
            "Next: their answers, reporting feedback",
        ],
    )


def feedback(
    paths: list[Path],
    accepted: str | None,
    refused: str | None,
    code: str | None,
    reason: str,
    settings: Settings,
    console: Console,
) -> None:
    """Read answers from files, from the transport, or as a person states them."""
    if accepted or refused:
        if (accepted and (refused or code)) or (refused and not code) or paths:
            raise BadCall("give --accepted FILE, or --refused FILE with --code CODE, and --reason")
        outcome = answers.answer_by_hand(accepted or refused or "", code, reason, settings, now)
        _print(console, [f"{outcome.name}: {outcome.words}"])
        return
    with console.status("Reading the bureau's answers ..."):
        read = answers.read_answers(paths, settings, now)
    _print(console, [f"{one.name}: {one.words}" for one in read.outcomes])
    _show_codes(console, Counter(code for one in read.outcomes for code in one.codes))
    if not read.outcomes and not read.faults:
        aside = count_set_aside(settings)
        more = f" {aside:,} set aside before: `reporting months` says where." if aside else ""
        _print(console, [f"No new answer.{more}"])
    if read.faults:
        raise DataNotFit("\n".join(read.faults))


def _show_codes(console: Console, codes: Counter[str]) -> None:
    """Print what the codes of an answer mean, what to do, and who does it."""
    if not codes:
        return
    table = plain_table("code", "messages", "meaning", "what to do", "who")
    for code, count in sorted(codes.items()):
        known = feedback_code(code)
        words = (known.meaning, known.what_to_do, known.owner) if known else ("", "", "pipeline")
        table.add_row(code, f"{count:,}", *words)
    console.print(table)


def show_ledger(settings: Settings, console: Console, is_verified: bool) -> None:
    """Print the newest events; with ``is_verified`` check every batch and every named file."""
    table = plain_table("batch", "at", "actor", "event", "month", "file", "records")
    for row in verify.newest_events(settings, EVENTS_SHOWN):
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console.print(table)
    if is_verified:
        faults = verify.faults(settings)
        _print(console, faults or ["The ledger is whole: every batch and every file it names."])
        if faults:
            raise DataNotFit(f"{len(faults)} fault(s) in the ledger; restore it from a backup")


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
