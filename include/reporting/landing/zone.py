"""Where the feeds lie: a local folder, or a URL through fsspec (contracts, section 1 "Landing").

Files behind a URL are copied to the local disk to be read: each is fetched once, and what is hashed
is what is read.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import TextIO

import fsspec  # type: ignore[import-untyped]  # it ships no types
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]  # same

from reporting.core import atomic, safe_text
from reporting.core.errors import BadCall, BrokenDelivery, ReportingError
from reporting.core.settings import without_secrets
from reporting.core.workspace import private_folder
from reporting.landing.walk import Entry, is_left_folder, local_entries, readable, shown

READERS = 4  # files hashed at a time
NO_NAMES = frozenset(("", ".", ".."))  # parts of an object's name that no local path can have


@dataclass(frozen=True)
class FileState:
    """Properties that show, without reading a file, whether it was changed or replaced.

    ``identity``: the inode of a local file, the ETag in an object store, or empty.
    """

    size: int
    identity: str
    changed_at: str


@dataclass(frozen=True)
class LandingZone:
    """The files under the setting ``REPORTING_LANDING``; paths are relative to it, with slashes.

    ``copies``: the folder into which files behind a URL are copied (``at_hand``).
    """

    setting: str
    filesystem: fsspec.AbstractFileSystem
    root: str
    only: frozenset[str] | None = None  # the files that are read; None: all
    copies: Path | None = None

    @classmethod
    def of(
        cls, setting: str, only: Iterable[str] | None = None, copies: Path | None = None
    ) -> "LandingZone":
        """Open the landing zone; BadCall if the setting is no folder that can be read.

        ``only``: the files that count as delivered, with their paths; others are ignored.
        ``copies``: where files behind a URL are copied, if their content is to be read.
        """
        try:
            filesystem, root = fsspec.core.url_to_fs(setting)
        except (ImportError, ValueError) as error:
            shown = without_secrets(setting)
            reason = error if shown == setting else "it is no URL that can be opened"
            raise BadCall(
                f"setting REPORTING_LANDING={shown}: {reason}; name a folder, or a URL such as "
                "s3://bucket/landing"
            ) from None
        listed = None if only is None else frozenset(only)
        zone = cls(setting, filesystem, root.rstrip("/"), listed, copies)
        if not setting.strip() or not zone._is_folder():
            raise BadCall(
                f"setting REPORTING_LANDING: there is no folder {without_secrets(setting)}; "
                "name the folder or URL that holds one folder per raw table"
            )
        return zone

    def _is_folder(self) -> bool:
        if self.is_local:
            return Path(self.root or "/").is_dir()
        with self._answering():
            self.filesystem.invalidate_cache()  # what this process listed before is out of date
            return bool(self.filesystem.isdir(self.root))

    @property
    def is_local(self) -> bool:
        """Whether the files are read where they lie."""
        return isinstance(self.filesystem, LocalFileSystem)

    @property
    def prefix(self) -> str:
        """The part before a relative path in the address that DuckDB opens."""
        return f"{self.root if self.is_local else self.copies}/"

    @property
    def shown(self) -> str:
        """The landing zone as messages may repeat it, with a slash at its end."""
        whole = self.root if self.is_local else self.filesystem.unstrip_protocol(self.root)
        return without_secrets(f"{whole}/")

    def address(self, path: str) -> str:
        """The address of a relative path for DuckDB, with pattern characters escaped."""
        return re.sub(r"([\[*?])", r"[\1]", self.prefix + path)  # else it would be a pattern

    def open_text(self, path: str) -> TextIO:
        """A UTF-8 text file, with or without byte order mark, its line ends untouched."""
        return Path(self.prefix + path).open("r", encoding="utf-8-sig", newline="")

    def open_bytes(self, path: str) -> BufferedReader:
        """Open a file as bytes."""
        return Path(self.prefix + path).open("rb")

    @contextmanager
    def at_hand(self, paths: Iterable[str]) -> Iterator[None]:
        """Have these files on the local disk during the block: those behind a URL are copied."""
        if self.is_local:
            yield
            return
        if self.copies is None:
            raise ValueError("the landing zone was opened without a folder for copies")
        try:
            self._copy(sorted(paths), self.copies)
            yield
        finally:
            atomic.delete(self.copies)  # they hold clear names

    def _copy(self, paths: list[str], folder: Path) -> None:
        private_folder(folder.parent)
        private_folder(folder)
        there = [f"{self.root}/{path}" for path in paths]
        with self._answering():
            try:
                self.filesystem.get(there, [f"{folder}/{path}" for path in paths])
            except FileNotFoundError:
                raise BrokenDelivery(
                    f"table {PurePosixPath(paths[0]).parts[0]}: a file was removed while it was "
                    "read; run the month again"
                ) from None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Replace an error of the store behind a URL by one line, without its text.

        Any error: each kind of store has a client with errors of its own. Raises BadCall.
        """
        try:
            yield
        except Exception as error:
            if self.is_local or isinstance(error, ReportingError) or safe_text.of_lack(error):
                raise
            fault = (
                "refuses access"
                if isinstance(error, PermissionError)
                else f"cannot be read ({type(error).__name__})"
            )
            raise BadCall(
                f"setting REPORTING_LANDING: {without_secrets(self.setting)} {fault}; check the "
                "address and the credentials of its store, and whether the store answers"
            ) from None

    def strays(self, tables: Iterable[str]) -> list[str]:
        """Files and folders directly under the root that are not a table's folder, as text."""
        found = []
        with self._answering():
            entries = self.filesystem.ls(self.root, detail=True)
        for entry in entries:
            name = PurePosixPath(entry["name"]).name
            is_table = name in tables and entry["type"] != "file"  # of a link: other
            if not is_left_folder(name) and not is_table:
                found.append(
                    f"{'folder' if entry['type'] == 'directory' else 'file'} {shown(name)}"
                )
        return sorted(found)

    def files(self, table: str) -> list[str]:
        """The files of a table, at any depth; BrokenDelivery names one that cannot be read."""
        entries = local_entries(self.root, table) if self.is_local else self._remote_entries(table)
        only = self.only
        return readable(table, (one for one in entries if only is None or one[0] in only))

    def _remote_entries(self, table: str) -> Iterator[Entry]:
        with self._answering():
            found = self.filesystem.find(f"{self.root}/{table}", detail=True)
        for address, entry in found.items():
            path = address[len(self.root) + 1 :]
            if path.endswith("/") and not entry["size"]:
                continue  # some tools put an empty object in the place of a folder
            fault = "" if entry.get("type", "file") == "file" else "is no file; remove it"
            if not NO_NAMES.isdisjoint(path.split("/")):
                fault = "has an empty part, . or .. in its name; rename it"
            yield path, fault

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return Path(self.prefix + path).stat().st_size

    def states(self, paths: Iterable[str]) -> dict[str, FileState | None]:
        """The state of each file; None if it is gone."""
        if not self.is_local:
            self.filesystem.invalidate_cache()  # a cached listing would be out of date
        ordered = sorted(paths)
        with ThreadPoolExecutor(READERS) as pool:
            return dict(zip(ordered, pool.map(self._state, ordered), strict=True))

    def _state(self, path: str) -> FileState | None:
        address = f"{self.root}/{path}"
        with self._answering():
            try:
                if self.is_local:
                    local = Path(address).stat()
                    return FileState(local.st_size, str(local.st_ino), str(local.st_mtime_ns))
                info = self.filesystem.info(address)
            except (FileNotFoundError, NotADirectoryError):
                return None
        # each kind of store has its own names for it
        identity = next((info[key] for key in ("ETag", "etag", "md5Hash") if key in info), "")
        moments = ("LastModified", "last_modified", "updated", "mtime", "created")
        changed_at = next((info[key] for key in moments if key in info), "")
        return FileState(int(info["size"]), str(identity), str(changed_at))

    def contents(self, paths: Iterable[str]) -> dict[str, str]:
        """SHA-256 of the content of each file."""
        ordered = sorted(paths)
        with ThreadPoolExecutor(READERS) as pool:
            return dict(zip(ordered, pool.map(self._content_digest, ordered), strict=True))

    def _content_digest(self, path: str) -> str:
        with self.open_bytes(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
