"""Write, replace and remove files and folders atomically.

Files are written aside, synced to disk and renamed. A killed process leaves one of two names:
``.<name>.partial`` is incomplete and is deleted; ``.<name>.old`` is the version before, which is
restored if nothing has replaced it (``remove_leftovers``).
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(paths: Iterable[Path]) -> dict[Path, str]:
    """The SHA-256 of each of some files; they are read at the same time."""
    ordered = list(paths)
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        return dict(zip(ordered, readers.map(sha256, ordered), strict=True))


def copy(source: Path, target: Path) -> None:
    """Copy a file's content and its time of writing, but not its rights."""
    shutil.copyfile(source, target)
    known = source.stat()
    os.utime(target, ns=(known.st_atime_ns, known.st_mtime_ns))


def aside_of(final: Path) -> Path:
    """The path at which a file or folder is written before it is renamed."""
    return final.with_name(f".{final.name}.partial")


@contextmanager
def replaced(final: Path, number: int | None = None) -> Iterator[Path]:
    """A free path to write a file or folder at; it is renamed if the block ends without error.

    ``number``: stands in the name, where a name must not be used twice.
    """
    named = final if number is None else final.with_name(f"{final.name}.{number}")
    aside = aside_of(named)
    delete(aside)
    try:
        yield aside
        put_in_place(aside, final)
    finally:
        delete(aside)


def put_in_place(aside: Path, final: Path) -> None:
    """Sync a complete file or folder and rename it; it replaces the one with that name."""
    sync(aside)
    if aside.is_dir() and final.exists():
        old = final.with_name(f".{final.name}.old")
        delete(old)
        final.rename(old)  # a folder cannot be replaced in one step
        aside.rename(final)
        sync_folder(final.parent)
        delete(old)
        return
    aside.replace(final)
    sync_folder(final.parent)


def remove(final: Path) -> None:
    """Remove a file or folder, if there is one; a reader never sees half of it."""
    if final.exists():
        aside = aside_of(final)
        delete(aside)
        final.rename(aside)
        sync_folder(final.parent)
        delete(aside)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder; no process may be writing there."""
    for old in folder.glob(".*.old"):
        final = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        if final.exists():
            delete(old)
        else:
            old.rename(final)
    for partial in folder.glob(".*.partial*"):  # also the write-ahead log of a database
        delete(partial)


def delete(path: Path) -> None:
    """Delete a file or folder that no reader uses, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Sync a file, or a folder with all its content, to disk."""
    if path.is_dir():
        for inside in path.iterdir():
            sync(inside)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """Sync a file, or the names in a folder, to disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network folders cannot be synced themselves
            raise
    finally:
        os.close(opened)
