"""Ctrl-C ends a month at once, whatever it does; every other end waits for what is under way."""

import os
import signal
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from threading import Event, Timer

import duckdb
import pytest

from reporting.core.database import interrupted_as_others
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline.steps import beside
from reporting.store.build_store import open_store

ENDLESS = "select sum(hash(i)) from range(1_000_000_000_000) as numbers(i)"

# A command that is stopped while it writes a database, and writes it once more at its end.
STOPPED = f"""
import os, signal, sys
from pathlib import Path
from threading import Timer
from reporting.cli import app as command_line
from reporting.core.database import new_database

final = Path(sys.argv[1])

def write(query):
    with new_database(final) as database:
        database.execute("create table t as " + query)

@command_line.app.command()
def act():
    Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        write("{ENDLESS}")
    finally:
        write("select 1 as i")

sys.argv = ["reporting", "act"]
command_line.main()
"""


def test_a_command_that_is_stopped_while_it_writes_a_database_ends(tmp_path: Path) -> None:
    final = tmp_path / "reporting.duckdb"
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED, str(final)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"REPORTING_HOME": str(tmp_path)},
    )
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
    assert "error: stopped by SIGTERM" in ended.stderr
    with duckdb.connect(str(final), read_only=True) as database:  # what was to be done at the end
        assert database.execute("from t").fetchall() == [(1,)]
    assert [path.name for path in tmp_path.iterdir()] == [final.name]


def test_a_query_that_is_interrupted_is_an_interrupt(tmp_path: Path) -> None:
    run, settings = Run(date(2026, 5, 1), datetime(2026, 6, 3)), Settings(home=tmp_path)
    run.folder(settings).mkdir(parents=True)
    duckdb.connect(str(run.build_store(settings))).close()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt), interrupted_as_others():
            interrupt.start()
            with open_store(run, settings) as store:
                store.execute(ENDLESS)
    finally:
        interrupt.join()
        signal.signal(signal.SIGINT, before)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="no query"), interrupted_as_others():
        raise RuntimeError("no query")


def test_an_interrupt_does_not_wait_for_what_is_done_beside() -> None:
    never, began = Event(), Event()
    with pytest.raises(KeyboardInterrupt), beside() as do_beside:
        do_beside(began.set)
        do_beside(never.wait)  # as long as an import whose lock nobody gives back
        began.wait()
        raise KeyboardInterrupt
    assert not never.is_set()
    never.set()


def test_everything_else_waits_for_it_in_order_and_its_faults_are_not_told_here() -> None:
    done: list[str] = []
    with pytest.raises(ValueError, match="the step's own"), beside() as do_beside:
        do_beside(lambda: int("no number"))
        do_beside(lambda: done.append("first"))
        do_beside(lambda: done.append("second"))
        raise ValueError("the step's own")
    assert done == ["first", "second"]
