"""DuckDB's own shell on the published database, and a copy of it that travels."""

import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from reporting.core.database import literal
from reporting.core.errors import BadCall, ReportingError
from reporting.core.settings import Settings
from reporting.store.published_database import open_published, require_file, shown_files

WELCOME = """{database}, read-only. End a statement with ; leave with .quit
What there is: from data_dictionary; questions that are answered: from saved_queries;"""


def open_shell(settings: Settings, console: Console, statement: str | None, form: str) -> None:
    """Run the shell until it ends; with a statement, print its rows and end.

    ``form`` is an output form of the shell such as ``csv``, or empty for its own. The shell is in
    its safe mode: it reads the published files and no other, and neither writes files nor starts
    programs. Raises ReportingError where the last statement of a script failed.
    """
    with open_published(settings) as connection:
        require_file(connection, settings)
        links = shown_files(connection, settings)
    with TemporaryDirectory() as folder:
        script = Path(folder) / "init.sql"
        listed = ", ".join(literal(path) for path in links)
        limits = {"memory_limit": settings.memory_limit, "threads": settings.threads}
        lines = [
            "use marts",
            f"set allowed_paths = [{listed}]",
            *(f"set {name} = {literal(str(value))}" for name, value in limits.items() if value),
        ]
        script.write_text("".join(f"{line};\n" for line in lines), encoding="utf-8")
        command = [str(_shell()), "-readonly", "-cmd", f'.read "{script}"', "-cmd", ".safe_mode"]
        if form:
            command.append(f"-{form}")
        if statement is not None:
            command += ["-c", statement]
        elif sys.stdin.isatty():
            console.print(WELCOME.format(database=settings.published_database), soft_wrap=True)
        else:
            command.append("-bail")
        command.append(str(settings.published_database))
        ended = _run(command)
    if ended not in (0, -signal.SIGPIPE):  # `| head` wants no more
        raise ReportingError("the statement failed; see the line above")


def _shell() -> Path:
    """The shell of the package duckdb-cli, which has the version of the engine."""
    found = find_spec("duckdb_cli")
    if found is None or found.origin is None:
        raise BadCall("the package duckdb-cli is missing; install requirements.txt")
    return Path(found.origin).with_name("duckdb")


def _run(command: list[str]) -> int:
    # Ctrl-C is the shell's: it ends a statement
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603  our own program
    finally:
        signal.signal(signal.SIGINT, before)
