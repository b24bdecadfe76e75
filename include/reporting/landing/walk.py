"""Find the delivered files of a table: no file below its folder is ignored silently.

A file that cannot be read stops the run by name; only what writers leave behind is skipped
(contracts, section 1 "Nothing delivered is passed over").
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from reporting.core.errors import BrokenDelivery

LEFT_FOLDERS = ("_temporary", ".*")
LEFT_FILES = ("_SUCCESS", "_committed_*", "_started_*", "*.crc", "*.inprogress", "*.tmp", ".*")
CSV = re.compile(r"\.csv(\.gz|\.zst)?$", re.IGNORECASE)
COMPRESSIONS = {None: "none", ".gz": "gzip", ".zst": "zstd"}
# a suffix after .parquet names the compression inside the file, as some writers add it
PARQUET = re.compile(
    r"\.(parquet|parq|pqt?)(\.(snappy|gz|gzip|zstd?|lz4|br|brotli|uncompressed))?$", re.IGNORECASE
)
LOGS = {"_delta_log": "Delta", "metadata": "Iceberg"}

Entry = tuple[str, str]  # a path, and why it cannot be read (empty where it can)


def is_csv(path: str) -> bool:
    """Whether a file is CSV by its name, compressed or not."""
    return CSV.search(path) is not None


def compression(path: str) -> str:
    """DuckDB's name of a CSV file's compression; ``none`` for every other file."""
    found = CSV.search(path)
    return COMPRESSIONS[found[1].lower() if found and found[1] else None]


def is_left_folder(name: str) -> bool:
    """Whether a folder is one that writers leave behind."""
    return any(fnmatchcase(name, pattern) for pattern in LEFT_FOLDERS)


def shown(path: str) -> str:
    """A path as a message shows it: in one line, with unprintable characters escaped."""
    return path if path.isprintable() else repr(path)


def local_entries(root: str, table: str) -> Iterator[Entry]:
    """Every file below a table's folder; links to folders are followed, each folder once.

    Raises BrokenDelivery if it is not a folder or cannot be listed.
    """
    if not os.path.lexists(f"{root}/{table}"):
        return
    folders, links, seen = [table], list[str](), set[str]()
    while folders or links:
        # links last: a folder that is reached by two ways keeps its own name
        folder = (folders or links).pop(0)
        real = os.path.realpath(f"{root}/{folder}")
        if real in seen:
            continue
        seen.add(real)
        for entry in _listed(table, f"{root}/{folder}"):
            path, fault = f"{folder}/{entry.name}", _what_it_is(entry)
            if fault != "folder":
                yield path, fault
            elif not is_left_folder(entry.name):
                (links if entry.is_symlink() else folders).append(path)


def _listed(table: str, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise BrokenDelivery(
            f"table {table}: folder {shown(folder)} cannot be read ({error.strerror}); "
            "open its rights, or deliver a folder"
        ) from None


def _what_it_is(entry: os.DirEntry[str]) -> str:
    """``folder``, empty for a regular file, else what is wrong; the file is not opened."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return "is a link to nothing, or cannot be reached; mend or remove it"
    if stat.S_ISDIR(mode):
        return "folder"
    return "" if stat.S_ISREG(mode) else "is no file (a pipe, socket or device); remove it"


def readable(table: str, entries: Iterable[Entry]) -> list[str]:
    """The paths to read, sorted; BrokenDelivery names the first unreadable one.

    A path begins with the table's name.
    """
    kept = sorted(entry for entry in entries if not _is_left(PurePosixPath(entry[0])))
    for path, _ in kept:
        _require_no_log(table, PurePosixPath(path))
    for path, fault in kept:
        if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in path):
            raise BrokenDelivery(
                f"table {table}: the name of the file {path!r} is not UTF-8 or holds control "
                "characters; rename it"
            )
        if fault:
            raise BrokenDelivery(f"table {table}, file {path}: {fault}")
        if not is_csv(path) and not PARQUET.search(path):
            raise BrokenDelivery(
                f"table {table}, file {path}: is neither Parquet nor CSV by its name; "
                "deliver it as .parquet, .csv, .csv.gz or .csv.zst, or remove it"
            )
    return [path for path, _ in kept]


def _is_left(path: PurePosixPath) -> bool:
    folders = path.parts[1:-1]
    return any(map(is_left_folder, folders)) or any(
        fnmatchcase(path.name, pattern) for pattern in LEFT_FILES
    )


def _require_no_log(table: str, path: PurePosixPath) -> None:
    """Refuse a Delta or Iceberg table, whose log decides which of its files count."""
    found = next((name for name in path.parts[1:-1] if name == "_delta_log"), None)
    if path.parent.name == "metadata" and path.name.endswith(".metadata.json"):
        found = "metadata"
    if found:
        raise BrokenDelivery(
            f"table {table}: folder {shown(str(path.parent))} belongs to a {LOGS[found]} table, "
            "which has a log of its own; deliver its rows as plain Parquet files"
        )
