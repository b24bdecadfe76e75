"""A home folder in which another process works."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from reporting.core.settings import Settings

HOLDER = """
import sys
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
with exclusive(Settings(home=sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(settings: Settings) -> Iterator["subprocess.Popen[str]"]:
    """Let another process hold the lock of the home folder for the time of the block."""
    command = [sys.executable, "-c", HOLDER, str(settings.home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
