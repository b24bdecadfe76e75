"""A process that kills itself before (or right after) its n-th effect on files.

Effects are what Python does: files opened for writing, renamed, removed or linked, folders made or
removed, processes started. DuckDB and GnuPG write without such events, but only under partial names
that Python renames.
"""

import os
import subprocess
import sys

from reporting.core.settings import Settings
from reporting.pipeline.airflow import reporting_variables

PROGRAM = """
import os, signal, sys
from datetime import datetime
from reporting.core.settings import load_settings
{imports}
EFFECTS = {{"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link",
           "subprocess.Popen"}}
number, seen = int(sys.argv[1]), 0
settings = load_settings()

def count(event, arguments):
    global seen
    if event not in EFFECTS:
        return
    flags = arguments[2] if event == "open" else os.O_RDWR
    if not (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
        return
    seen += 1
    if seen == number:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
{call}
"""


def killed_before(number: int, settings: Settings, call: str, imports: str) -> bool:
    """Whether the call was killed before its effect of this number; False: it had fewer.

    The process has the settings as ``settings`` and imports what ``imports`` says before effects
    are counted. An error of the call itself fails the test.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(imports=imports, call=call), str(number)],
        env=os.environ | reporting_variables(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9
