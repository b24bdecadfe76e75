"""The home folder: who may work in it, how private folders are made and put in place whole."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from reporting.errors import BadCall, BadHome
from reporting.settings import Settings

LOCK = ".lock"

_held: set[Path] = set()


@contextmanager
def exclusive(settings: Settings, wait: bool = False) -> Iterator[None]:
    """Let one run at a time work in the home folder; re-entrant inside a process.

    Where another one works there: wait for it, or refuse. The lock dies with its process, so a
    killed run leaves nothing to clean up.
    """
    home = settings.home.resolve()
    if is_held(settings):
        yield
        return
    with _lock_file(private_folder(settings.work)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise BadCall(
                f"another run is working in {home}; "
                "wait for it, or set REPORTING_HOME to another folder"
            ) from None
        _held.add(home)
        try:
            yield
        finally:
            _held.discard(home)


def _lock_file(work: Path) -> TextIO:
    try:
        return (work / LOCK).open("w")
    except OSError as error:
        raise BadHome(
            f"setting REPORTING_HOME: cannot write in the folder {work} ({error.strerror}); "
            "name a folder that can be written"
        ) from None


def is_in_use(settings: Settings) -> bool:
    """Does a living process work in the home folder?"""
    if is_held(settings):
        return True
    try:
        file = (settings.work / LOCK).open()
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def is_held(settings: Settings) -> bool:
    """Does this process work in the home folder, so that nobody else does?"""
    return settings.home.resolve() in _held


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
    except OSError as error:
        raise BadHome(
            f"setting REPORTING_HOME: cannot make the folder {path} ({error.strerror}); "
            "name a folder that can be written"
        ) from None
    return path


def put_in_place(aside: Path, final: Path) -> None:
    """Give a folder that is complete its name; one of an earlier build goes."""
    old = final.with_name(f".{final.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    aside.rename(final)
    shutil.rmtree(old, ignore_errors=True)
