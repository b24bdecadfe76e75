"""An error leaves in one line without a value, alone; what the machine lacks is named."""

import errno
import logging
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import duckdb
import pytest

from reporting.core import safe_text
from reporting.core.errors import DataNotFit, Unforeseen
from reporting.pipeline.guard import guarded

NUMBER = "110101199001011234"  # a value that no message may hold


def all_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def unforeseen() -> None:
    value = "".join(("1101", "01199001011234"))
    duckdb.sql(f"select cast('{value}x' as integer)").fetchall()


def translated() -> None:
    try:
        unforeseen()
    except duckdb.Error as error:
        raise DataNotFit("table customers: a value is wrong") from error


def test_an_unforeseen_error_leaves_as_its_kind_and_nothing_else() -> None:
    with pytest.raises(Unforeseen, match=r"^unforeseen ConversionException$") as caught:
        guarded(unforeseen)
    assert NUMBER not in all_of(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_an_error_of_ours_came_from_is_not_shown() -> None:
    with pytest.raises(DataNotFit, match="a value is wrong") as caught:
        guarded(translated)
    assert NUMBER not in all_of(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_libraries_log_nothing_of_a_row(caplog: pytest.LogCaptureFixture) -> None:
    guarded(lambda: None)
    logging.getLogger("great_expectations.execution_engine").error(NUMBER)
    assert NUMBER not in caplog.text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y"),
            "no space left on the file system of /x/y",
        ),
        (
            duckdb.IOException('IO Error: Could not write file "/x/z": No space left on device'),
            "no space left on the file system of /x/z",
        ),
        (MemoryError(), "memory ran out"),
    ],
)
def test_what_the_machine_lacks_is_named_wherever_it_hides(error: Exception, words: str) -> None:
    assert safe_text.of_error(error) == words
    hiding = RuntimeError(NUMBER)
    hiding.__context__ = error
    assert safe_text.of_error(hiding) == words


@pytest.mark.parametrize(
    ("number", "line"),
    [(signal.SIGINT, ""), (signal.SIGTERM, "error: stopped by SIGTERM")],
)
def test_a_signal_that_a_library_swallows_ends_the_command(
    tmp_path: Path, number: int, line: str
) -> None:
    """The signal comes in dbt's first moments, inside of what drops every exception."""
    (tmp_path / "it.py").write_text(
        "import os, sys\n"
        "from reporting.cli import app\n"
        "from reporting.transform import dbt_session\n"
        "from dbt.cli.main import dbtRunner, dbtRunnerResult\n"
        "class Dropped:\n"
        f"    def __del__(self): os.kill(os.getpid(), {int(number)})\n"
        "def invoke(*_):\n"
        "    Dropped()\n"
        "    return dbtRunnerResult(success=True)\n"
        "dbtRunner.invoke = invoke\n"
        "sys.unraisablehook = lambda _: None\n"
        "@app.app.command()\n"
        "def it(): dbt_session.call_dbt([]); print('the month goes on')\n"
        "sys.argv = ['reporting', 'it']\n"
        "app.main()\n"
    )
    (tmp_path / "at_terminal.py").write_text(  # a shell may start tests with SIGINT ignored
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    arguments = [sys.executable, str(tmp_path / "at_terminal.py"), str(tmp_path / "it.py")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number
    assert done.stdout == ""
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == bool(line)
