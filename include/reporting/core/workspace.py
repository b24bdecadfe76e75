"""The home folder: its lock, private folders, and the removal of what killed runs left."""

import logging
import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from reporting.core import atomic
from reporting.core.errors import BadHome, HomeInUse, MachineFault
from reporting.core.settings import Settings

LOCK = ".lock"
# Where things are written aside; the spill folders of the build stores end in .tmp.
WRITTEN_IN = (
    *("submissions/*", "notices", "work/*", "pages", "pages/*", "pages/*/*"),
    *("published", "published/*", "published/*/*", "ledger/events"),
)
# Seconds. Whoever only looks whether the lock is held has it for less, and must not be in the way.
A_MOMENT = 0.2
SPILLED = ".spilled"  # in the name of a folder in which DuckDB spills
A_DAY = 24 * 60 * 60.0  # seconds
LEAST_ADDRESS_SPACE = 2_400_000_000  # bytes; a run of a small book takes 2.0 GB of it, mostly code

log = logging.getLogger(__name__)


def require_address_space() -> None:
    """Refuse to begin where the system allows too little memory (``ulimit -v``).

    A thread of dbt that cannot be given memory dies without a word, and dbt waits for it for ever.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed not in (resource.RLIM_INFINITY, -1) and allowed < LEAST_ADDRESS_SPACE:
        raise MachineFault(
            f"the system allows {allowed / 1e9:.1f} GB of address space (ulimit -v), and a run "
            f"needs {LEAST_ADDRESS_SPACE / 1e9:.1f} GB; allow more and run the month again"
        )


@contextmanager
def exclusive(settings: Settings, wait: bool = False) -> Iterator[None]:
    """Lock the home folder, so that one run at a time works in it; re-entrant inside a process.

    While another process holds the lock: wait for it, or raise BadCall. The lock dies with its
    process; the next holder removes what a killed run of any month left.
    """
    if is_held(settings):
        yield
        return
    private_folder(settings.work)
    lock = _lock(settings)
    try:
        _acquire(lock, settings, wait)
    except OSError as error:
        raise BadHome(
            f"setting REPORTING_HOME: cannot write in the folder {settings.work} "
            f"({error.strerror}); name a folder that can be written"
        ) from None
    try:
        _remove_leftovers(settings)
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, settings: Settings, wait: bool) -> None:
    try:
        lock.acquire(timeout=A_MOMENT)
    except Timeout:
        home = settings.home.resolve()
        if not wait:
            raise HomeInUse(
                f"another run is working in {home}; "
                "wait for it, or set REPORTING_HOME to another folder"
            ) from None
        log.warning("another command is working in %s; waiting for it", home)
        lock.acquire()


def _lock(settings: Settings, is_singleton: bool = True) -> FileLock:
    """The lock of the home folder; normally one object for this process and all its threads.

    A file system without ``flock`` is refused: a lock that is only a file outlives its process.
    """
    return FileLock(
        settings.work.resolve() / LOCK,
        thread_local=False,
        is_singleton=is_singleton,
        fallback_to_soft=False,
    )


def _remove_leftovers(settings: Settings) -> None:
    """Remove half-written files and folders and DuckDB's spill files; they may hold clear names."""
    home = settings.home.resolve()
    for folder in (folder for pattern in WRITTEN_IN for folder in home.glob(pattern)):
        atomic.remove_leftovers(folder)
    for spilled in settings.work.glob("*/*.tmp"):
        atomic.delete(spilled)
    for folder in settings.work.glob("*.tmp"):
        if not _may_be_in_use(folder):
            atomic.delete(folder)


def _may_be_in_use(folder: Path) -> bool:
    """Whether the process that a folder is named after may live; on another machine, for a day."""
    process, _, node = folder.stem.removesuffix(SPILLED).partition(".")
    if node in ("", platform.node()):
        return _is_alive(process)
    try:
        return time.time() - folder.stat().st_mtime < A_DAY
    except FileNotFoundError:  # it is gone already
        return False


def spill_folder(settings: Settings) -> Path:
    """The folder in which DuckDB may spill for connections other than a build store's."""
    return settings.work / f"{os.getpid()}.{platform.node()}{SPILLED}.tmp"


def landing_copies(settings: Settings) -> Path:
    """The folder in which this process has copies of the files of a landing zone behind a URL."""
    return settings.work.resolve() / f"{os.getpid()}.{platform.node()}.tmp"


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def is_in_use(settings: Settings) -> bool:
    """Whether a living process holds the lock of the home folder."""
    if is_held(settings):
        return True
    if not (settings.work / LOCK).is_file():  # looking at a home makes no file in it
        return False
    try:
        with _lock(settings, is_singleton=False).acquire(timeout=A_MOMENT):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def is_held(settings: Settings) -> bool:
    """Whether this process holds the lock of the home folder."""
    return bool(_lock(settings).is_locked)


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
