"""The synthetic lender: from a landing zone to the bureau and back, with one command.

The bureau is the simulator, a program of its own that shares no code with this one. Two made-up
persons build and approve (life cycle, sections 12 and 14.2).
"""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
from rich.console import Console

from reporting.cli import summary
from reporting.cli.terminal import SafeConsole, plain_table
from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.pipeline.airflow import run_in_process
from reporting.store.run_marks import now
from reporting.store.submission_ledger import acting, actors, batches
from reporting.submission import approval, feedback, keys, release
from reporting.synthetic import lender

DEMO_MONTHS = ["2026-03", "2026-04", "2026-05"]  # the last three of the synthetic book
BUILDER, APPROVER = "demo:builder", "demo:approver"
REJECTED = ("--reject", "3=ABR006", "--seed", "3")  # of the first month; the second repairs them
# The ledger is removed last: by it the home is known as a demonstration's.
MADE = ("outbox", "inbox", "submissions", "notices", "published", "bureau", "ledger")

# Tag of record 210 in the simulator's table of months -> column of marts.as_reported.
TAGS = {
    "Month": "month",
    "AcctStatus": "acct_status",
    "AcctBal": "acct_bal",
    "FiveCate": "five_cate",
    "RpyStatus": "rpy_status",
    "OverdPrd": "overd_prd",
    "TotOverd": "tot_overd",
    "OverdPrinc": "overd_princ",
    "CurRpyAmt": "cur_rpy_amt",
    "ActRpyAmt": "act_rpy_amt",
}


def run_demo(settings: Settings, accounts: int, months: int, seed: int) -> None:
    """Write a synthetic book, report its last three months through the DAG, show what came out.

    With GnuPG each month is approved, released, judged by the simulator and answered. In a home
    that a demonstration made it begins again; BadCall in one where somebody else has built.
    Nothing is removed before the book is written.
    """
    console = SafeConsole()
    with exclusive(settings):  # nothing is taken from under a run
        _refuse_months_of_others(settings)
        lender.generate(settings.landing_folder, accounts, months, seed)
        begin_again(settings)
    words = keys.missing(settings.model_copy(update={"bureau_key": ("0" * 40,)}))
    words = words or _too_long(settings)
    if words:
        with acting(BUILDER):
            run_in_process(DEMO_MONTHS, settings)
        summary.show(settings, DEMO_MONTHS)
        console.print(f"Approval, release and answers were left out: {words}", soft_wrap=True)
        return
    bureau = _Bureau(settings)
    for month in DEMO_MONTHS:
        with acting(BUILDER):
            run_in_process([month], bureau.settings)
        bureau.judge(month, REJECTED if month == DEMO_MONTHS[0] else ())
        console.print(f"{month}  approved, released, answered", highlight=False)
    summary.show(bureau.settings, DEMO_MONTHS)
    bureau.show(console)


def begin_again(settings: Settings) -> None:
    """Remove what an earlier demonstration made: a released month takes no other book."""
    if not batches(settings):
        return
    with exclusive(settings):
        _refuse_months_of_others(settings)
        # the months alone: the lock of the home lies beside them, and the pages of dbt
        for month in (*settings.work.glob("20*"), *settings.pages.glob("20*")):
            atomic.delete(month)
        for name in MADE:
            atomic.delete(settings.home.resolve() / name)


def _refuse_months_of_others(settings: Settings) -> None:
    for actor in actors(settings, "BUILT"):
        if not actor.startswith("demo:"):
            raise BadCall(
                f"setting REPORTING_HOME: {settings.home.resolve()} holds months that {actor} has "
                "built; name another folder for the demonstration"
            )


def _too_long(settings: Settings) -> str:
    folder = settings.home.resolve() / "bureau" / "keys" / "archive"  # the longest of them
    if keys.is_short(folder):
        return ""
    return f"the path {folder} is too long for GnuPG; name a shorter REPORTING_HOME"


class _Bureau:
    """The simulator and its folder, and the settings of a lender that sends there."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home.resolve() / "bureau"
        for side in ("in", "out"):
            (self.folder / side).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._call("keys", str(self.folder / "keys"))
        made = json.loads((self.folder / "keys" / "keys.json").read_text(encoding="utf-8"))
        self.settings = settings.model_copy(
            update={
                "transport": "folder",
                "bureau_folder": self.folder,
                "gnupg_home": self.folder / "keys" / "lender",
                "lender_key": made["lender"],
                "bureau_key": (made["bureau"],),
                "archive_key": (made["archive"],),
                "approvers": (),
            }
        )

    def judge(self, month: str, orders: tuple[str, ...]) -> None:
        """Approve and release a month, have it judged, and read the answers."""
        run = approval.newest_run(month, None, self.settings)
        with acting(APPROVER):
            approval.approve(run, self.settings, now(), reason="demonstration")
        with acting(BUILDER):
            release.release(run, self.settings, now)
            self._call("receive", "--folder", str(self.folder), *orders)
            self._call("answer", "--folder", str(self.folder))
            read = feedback.read_answers([], self.settings, now)
        if read.faults:
            raise DataNotFit(read.faults[0])

    def show(self, console: Console) -> None:
        """Print what was sent and answered, and whether the bureau holds what was reported."""
        table = plain_table(
            *("month", "files", "accepted", "rejected", "sent again"),
            title="At the bureau",
        )
        for column in table.columns[1:]:
            column.justify = "right"
        state = self.folder / "state"
        self._call("state", "--folder", str(self.folder), "--to", str(state))
        with duckdb.connect(str(self.settings.published_database), read_only=True) as connection:
            rows = connection.execute(
                "select strftime(report_month, '%Y-%m'), sum(files), sum(accepted), sum(rejected), "
                "(select count(*) from marts.submission_records as again semi join "
                "(from marts.submission_records where state = 'REJECTED') as rejected "
                "on again.account_id = rejected.account_id "
                "and again.report_date = rejected.report_date "
                "where again.state = 'ACCEPTED' and again.report_month = months.report_month) "
                "from marts.submissions as months group by report_month order by all"
            ).fetchall()
            differences, held = connection.execute(_differences(state / "months.csv")).fetchall()[0]
        for month, *numbers in rows:
            table.add_row(month, *(f"{number:,}" for number in numbers))
        console.print(table)
        if differences:
            raise DataNotFit(
                f"{differences:,} account-months differ between the bureau and marts.as_reported"
            )
        console.print(
            f"The bureau holds {held:,} months of accounts, each as marts.as_reported says.",
            highlight=False,
            soft_wrap=True,
        )

    def _call(self, *words: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own arguments
            [sys.executable, "-m", "bureau_simulator", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DataNotFit(f"the bureau's simulator: {(done.stderr or done.stdout).strip()}")


def _differences(held: Path) -> str:
    """The query of months held otherwise than reported, and of all held months."""
    tags = ", ".join(f"coalesce(\"{tag}\", '')" for tag in TAGS)
    columns = ", ".join(f"coalesce({column}::varchar, '')" for column in TAGS.values())
    csv = f"read_csv({literal(held)}, all_varchar = true)"
    return (
        f'with held as (select "AcctCode", {tags} from {csv}), '
        f"reported as (select reporter_code || account_id, {columns} from marts.as_reported "
        "where is_accepted) select (select count(*) from (from held except from reported)) "
        "+ (select count(*) from (from reported except from held)), (select count(*) from held)"
    )
