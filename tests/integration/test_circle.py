"""The whole circle: built, approved, released, judged by the bureau's simulator, repaired.

The simulator shares no code with the product: what it holds in the end is compared with what the
lender's tables say was reported.
"""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.gnupg_keys import needs_gpg
from support.lender_months import MONTHS, build, settings_in

from reporting.core.settings import Settings
from reporting.store.submission_ledger import acting
from reporting.submission import approval, feedback, release, verify
from reporting.synthetic import lender
from reporting.why import answer

pytestmark = needs_gpg

AT = datetime(2026, 6, 10, 9)
REJECTED = 3


@dataclass
class Circle:
    """A lender and its bureau; the answers of each month, and what the bureau holds in the end."""

    settings: Settings
    bureau: Path
    outcomes: dict[str, list[feedback.Outcome]] = field(default_factory=dict)
    rejected: list[tuple[Any, ...]] = field(default_factory=list)

    def simulator(self, command: str, *words: str) -> None:
        self._call(command, "--folder", str(self.bureau), *words)

    def _call(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "bureau_simulator", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.published_database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def held(self, table: str) -> list[dict[str, str]]:
        """Rows of what the bureau holds."""
        folder = self.bureau / "state"
        self.simulator("state", "--to", str(folder))
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def go_round(self, month: str, *orders: str) -> None:
        """Build a month, approve and release it, have it judged, and read the answers."""
        with acting("os:anna"):
            build(self.settings, month)
        run = approval.newest_run(month, None, self.settings)
        with acting("os:bo"):
            approval.approve(run, self.settings, AT)
        release.release(run, self.settings, lambda: AT)
        self.simulator("receive", *orders)
        self.simulator("answer")
        read = feedback.read_answers([], self.settings, lambda: AT)
        assert read.faults == []
        self.outcomes[month] = read.outcomes


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circle]:
    """Three months that went round; the bureau rejected three records of the first."""
    settings = settings_in(tmp_path_factory.mktemp("circle"))
    lender.generate(Path(settings.landing), accounts=150, months=5, seed=7)
    with tempfile.TemporaryDirectory(prefix="b") as name:  # a short path, for GnuPG's agent
        bureau = Path(name)
        circle = Circle(settings, bureau)
        for side in ("in", "out"):
            (bureau / side).mkdir()
        circle._call("keys", str(bureau / "keys"))
        keys = json.loads((bureau / "keys" / "keys.json").read_text(encoding="utf-8"))
        circle.settings = settings.model_copy(
            update={
                "transport": "folder",
                "bureau_folder": bureau,
                "gnupg_home": bureau / "keys" / "lender",
                "lender_key": keys["lender"],
                "bureau_key": (keys["bureau"],),
                "archive_key": (keys["archive"],),
            }
        )
        first, second, third = MONTHS
        circle.go_round(first, "--reject", f"{REJECTED}=ABR006", "--seed", "4")
        circle.rejected = circle.query(
            "select account_id, report_date, feedback_code from marts.submission_records "
            "where state = 'REJECTED' order by all"
        )
        circle.go_round(second)
        circle.go_round(third)
        yield circle


def test_the_bureau_holds_what_was_reported_tag_by_tag(circle: Circle) -> None:
    reported = circle.query(
        "select reporter_code || account_id, month, sett_date, acct_status, acct_bal, five_cate, "
        "rpy_status, overd_prd, tot_overd, overd_princ, oved31_60, oved61_90, oved91_180, oved180, "
        "cur_rpy_amt, act_rpy_amt, lat_rpy_date, close_date, rem_rep_prd, five_cate_adj_date "
        "from marts.as_reported where is_accepted order by all"
    )
    held = circle.held("months")
    tags = [
        *("AcctCode", "Month", "SettDate", "AcctStatus", "AcctBal", "FiveCate", "RpyStatus"),
        *("OverdPrd", "TotOverd", "OverdPrinc", "Oved31_60Princ", "Oved61_90Princ"),
        *("Oved91_180Princ", "OvedPrinc180", "CurRpyAmt", "ActRpyAmt", "LatRpyDate"),
        *("CloseDate", "RemRepPrd", "FiveCateAdjDate"),
    ]
    as_texts = sorted(tuple("" if cell is None else str(cell) for cell in row) for row in reported)
    assert sorted(tuple(row[tag] for tag in tags) for row in held) == as_texts
    assert len(held) > 100


def test_what_was_rejected_was_sent_again_by_the_next_month(circle: Circle) -> None:
    assert len(circle.rejected) == REJECTED
    assert {code for *_, code in circle.rejected} == {"ABR006"}
    for account, day, _ in circle.rejected:
        states = circle.query(
            "select report_month, state from marts.submission_records where record_type = '210' "
            f"and account_id = '{account}' and report_date = '{day}' order by report_month"
        )
        assert [state for _, state in states] == ["REJECTED", "ACCEPTED"], account


def test_nothing_is_left_open(circle: Circle) -> None:
    assert circle.query("select sum(rejected), sum(unanswered) from marts.submissions") == [
        (REJECTED, 0)
    ]
    assert circle.query("select * from marts.pending_now where held_back_by = 'REJECTED'") == []
    assert verify.faults(circle.settings) == []
    assert [sum(one.rejected for one in answers) for answers in circle.outcomes.values()] == [
        *(REJECTED, 0, 0)
    ]


def test_every_step_of_every_month_reconciles_up_to_what_the_bureau_holds(circle: Circle) -> None:
    steps = circle.query(
        "select step, bool_and(is_closed), count(distinct report_month) "
        "from marts.reconciliation group by all order by min(step_number)"
    )
    assert [(step, is_closed) for step, is_closed, _ in steps] == [
        *(("accounts", True), ("ledger", True), ("marts", True), ("records", True)),
        *(("file", True), ("answered", True), ("held", True)),
    ]
    assert min(months for *_, months in steps) >= len(MONTHS)
    first = f"{MONTHS[0]}-01"
    assert circle.query(
        "select step, accounts from marts.reconciliation "
        f"where report_month = '{first}' and item in ('rejected', 'rejected ABR006') order by all"
    ) == [("answered", REJECTED), ("held", -REJECTED)]


def test_the_history_of_an_account_shows_the_repaired_month(circle: Circle) -> None:
    for account, *_ in circle.rejected:
        (newest,) = circle.query(
            f"select history_24 from marts.repayment_history where account_id = '{account}' "
            "order by report_month desc limit 1"
        )
        assert "-" not in newest[0].lstrip("-"), account


def test_why_says_what_the_bureau_answered(circle: Circle) -> None:
    account, day, _ = circle.rejected[0]
    words = " ".join(str(answer.explain(account, None, circle.settings)).split())
    assert "In the credit report: YES" in words
    assert "accepted, the one of " + f"{day} rejected (ABR006: the record does not fit" in words
    assert "and sent again." in words


def test_an_answer_that_comes_again_changes_nothing(circle: Circle) -> None:
    answers = sorted((circle.settings.inbox / "read").glob("*.enc"))
    before = circle.query("select count(*) from marts.submission_events")
    read = feedback.read_answers(answers[:2], circle.settings, lambda: AT)
    assert {one.words for one in read.outcomes} == {"was read before; nothing changes"}
    assert circle.query("select count(*) from marts.submission_events") == before
