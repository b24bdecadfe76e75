"""Commands at the same time against one home: one waits, and the end is as one after the other."""

import os
import subprocess
import sys

import pytest
from support.gnupg_keys import needs_gpg
from support.lender_months import Lender
from support.released_months import FIRST, SECOND, approve, query

from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.pipeline.airflow import reporting_variables
from reporting.store.submission_ledger import run_states
from reporting.submission import verify

pytestmark = needs_gpg


def start(settings: Settings, *words: str) -> "subprocess.Popen[str]":
    """A command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "reporting", *words],
        env=os.environ | reporting_variables(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*processes: "subprocess.Popen[str]") -> list[tuple[int, str]]:
    """Exit code and what was said, of each."""
    outputs = [process.communicate() for process in processes]
    return [
        (process.returncode, out + err)
        for process, (out, err) in zip(processes, outputs, strict=True)
    ]


def test_two_releases_at_once_deliver_each_file_once(settings: Settings) -> None:
    approve(settings, FIRST)
    settings = settings.model_copy(update={"approval_days": 3650})  # the clock is today's
    results = ended(*(start(settings, "release", "--month", FIRST) for _ in range(2)))
    assert [code for code, _ in results] == [0, 0], results
    counted = query(
        settings,
        "select event, count(*), count(distinct file_name) from marts.submission_events "
        "where file_name is not null group by all order by all",
    )
    assert {(event, once == files) for event, once, files in counted} == {
        *(("DELIVERED", True), ("RELEASED", True))
    }
    assert verify.faults(settings) == []


@pytest.mark.parametrize("words", [("approve", "--yes"), ("reject", "--reason", "too soon")])
def test_a_decision_waits_for_the_command_that_works_and_says_so(
    settings: Settings, words: tuple[str, ...]
) -> None:
    with exclusive(settings):
        deciding = start(settings, words[0], "--month", FIRST, *words[1:])
        assert deciding.stderr is not None
        said = deciding.stderr.readline()
        while "waiting for it" not in said and deciding.poll() is None:
            said = deciding.stderr.readline()
    ((code, more),) = ended(deciding)
    assert "waiting for it" in said, said + more
    state = run_states(settings)[0].state
    assert (code, state) in {(0, "APPROVED"), (0, "DECLINED")}, more


def test_a_run_does_not_wait_for_another_command(settings: Settings, built: Lender) -> None:
    with exclusive(settings):
        ((code, said),) = ended(start(settings, "run", "--month", SECOND))
    assert code == 2
    assert "another run is working in" in said
    assert len(run_states(settings)) == len(run_states(built.settings))
