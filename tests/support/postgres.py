"""A PostgreSQL of a test's own: on a socket in its own folder, gone with all it held.

PostgreSQL does not run as root; a test that does hands it to an account without rights.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

PROGRAMS = ("initdb", "pg_ctl", "postgres")


def _account() -> dict[str, Any] | None:
    """Who runs the server, as arguments of ``subprocess.run``; None: no account can."""
    if os.geteuid() != 0:
        return {}
    for entry in pwd.getpwall():
        if entry.pw_name in ("postgres", "nobody"):
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return None


needs_postgres = pytest.mark.skipif(
    _account() is None or not all(map(shutil.which, PROGRAMS)) or find_spec("psycopg") is None,
    reason="no PostgreSQL that can be started here, or no driver for it",
)


@contextmanager
def running_postgres() -> Iterator[str]:
    """An empty database as SQLAlchemy names it; only this machine's sockets reach it."""
    account = _account() or {}
    folder = Path(mkdtemp(prefix="pg-"))  # a socket's path is short, and pytest's folders are not
    if account:
        os.chown(folder, account["user"], account["group"])

    def run(*command: object) -> None:
        # its output must not be a pipe: the server would keep it open
        done = subprocess.run(list(map(str, command)), check=False, cwd=folder, **account)
        assert done.returncode == 0, command

    data = folder / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    try:
        run("initdb", "-D", data, "-U", "airflow", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://airflow@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
