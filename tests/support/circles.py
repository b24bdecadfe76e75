"""A lender and its bureau: runs are built, released, judged by the simulator and answered."""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.store import month_order
from reporting.store.submission_ledger import acting
from reporting.submission import approval, feedback, release

AT = datetime(2026, 6, 10, 9)  # the wall clock of every act

# Columns of marts.as_reported and of what the simulator holds, side by side.
COLUMNS = (
    "reporter_code || account_id, month, sett_date, acct_status, acct_bal, five_cate, rpy_status, "
    "overd_prd, tot_overd, overd_princ, oved31_60, oved61_90, oved91_180, oved180, cur_rpy_amt, "
    "act_rpy_amt, lat_rpy_date, close_date, rem_rep_prd, five_cate_adj_date"
)
TAGS = (
    *("AcctCode", "Month", "SettDate", "AcctStatus", "AcctBal", "FiveCate", "RpyStatus"),
    *("OverdPrd", "TotOverd", "OverdPrinc", "Oved31_60Princ", "Oved61_90Princ"),
    *("Oved91_180Princ", "OvedPrinc180", "CurRpyAmt", "ActRpyAmt", "LatRpyDate"),
    *("CloseDate", "RemRepPrd", "FiveCateAdjDate"),
)


@dataclass
class Circle:
    """The settings of a lender, and the folder of its bureau."""

    settings: Settings
    bureau: Path

    def simulator(self, command: str, *words: str) -> None:
        """Call the bureau's simulator as a process of its own."""
        _call(command, "--folder", str(self.bureau), *words)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the published database."""
        with duckdb.connect(str(self.settings.published_database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def held(self, table: str) -> list[dict[str, str]]:
        """Rows of what the bureau holds."""
        folder = self.bureau / "state"
        self.simulator("state", "--to", str(folder))
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def months_held(self) -> list[tuple[str, ...]]:
        """Every account-month that the bureau holds, tag by tag."""
        return sorted(tuple(row[tag] for tag in TAGS) for row in self.held("months"))

    def months_reported(self) -> list[tuple[str, ...]]:
        """Every account-month that was reported and accepted, tag by tag."""
        rows = self.query(f"select {COLUMNS} from marts.as_reported where is_accepted")
        return sorted(tuple("" if cell is None else str(cell) for cell in row) for row in rows)

    def run(self, month: str, as_of: str | None = None) -> str | None:
        """Build a run as anna does; returns what is said of one that publishes nothing."""
        with acting("os:anna"):
            one = month_order.run_of(month, as_of, self.settings)
            return steps.run_month(one, self.settings)

    def send(self, month: str, as_of: str | None = None) -> list[release.Delivery]:
        """Approve the newest run of a month as bo does, and release it."""
        run = approval.newest_run(month, as_of, self.settings)
        with acting("os:bo"):
            approval.approve(run, self.settings, AT)
        return self.release(month, as_of)

    def release(self, month: str, as_of: str | None = None) -> list[release.Delivery]:
        """Release a run, or do what is not done yet of one that is released."""
        run = approval.newest_run(month, as_of, self.settings)
        return release.release(run, self.settings, lambda: AT)

    def answer(self, *orders: str) -> list[feedback.Outcome]:
        """Have the simulator take and judge what has come, and read its answers."""
        self.simulator("receive", *orders)
        self.simulator("answer")
        read = feedback.read_answers([], self.settings, lambda: AT)
        assert read.faults == []
        return read.outcomes

    def go_round(self, month: str, *orders: str, as_of: str | None = None) -> None:
        """Build a run, approve and release it, have it judged, and read the answers."""
        assert self.run(month, as_of) is None
        self.send(month, as_of)
        self.answer(*orders)


@contextmanager
def circle_of(settings: Settings) -> Iterator[Circle]:
    """A lender with these settings, and a bureau with keys of its own."""
    with tempfile.TemporaryDirectory(prefix="b") as name:  # a short path, for GnuPG's agent
        bureau = Path(name)
        for side in ("in", "out"):
            (bureau / side).mkdir()
        _call("keys", str(bureau / "keys"))
        keys = json.loads((bureau / "keys" / "keys.json").read_text(encoding="utf-8"))
        known = {
            "transport": "folder",
            "bureau_folder": bureau,
            "gnupg_home": bureau / "keys" / "lender",
            "lender_key": keys["lender"],
            "bureau_key": (keys["bureau"],),
            "archive_key": (keys["archive"],),
        }
        yield Circle(settings.model_copy(update=known), bureau)


def _call(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bureau_simulator", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
