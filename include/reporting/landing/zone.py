"""Where the feeds lie: a local folder, or a URL through fsspec (contracts, section 1 "Landing")."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO, cast

import duckdb
import fsspec  # type: ignore[import-untyped]  # it ships no types
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]  # same

from reporting.core.errors import BadCall, BrokenDelivery
from reporting.core.settings import without_secrets
from reporting.landing.walk import Entry, is_left_folder, local_entries, readable, shown

READERS = 4  # files hashed at a time


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
    """The files under the setting ``REPORTING_LANDING``; paths are relative to it, with slashes."""

    setting: str
    filesystem: fsspec.AbstractFileSystem
    root: str
    only: frozenset[str] | None = None  # the files that are read; None: all

    @classmethod
    def of(cls, setting: str, only: Iterable[str] | None = None) -> "LandingZone":
        """Open the landing zone; BadCall if the setting is no folder that can be read.

        ``only``: the files that count as delivered, with their paths; others are ignored.
        """
        try:
            filesystem, root = fsspec.core.url_to_fs(setting)
        except (ImportError, ValueError) as error:
            shown = without_secrets(setting)
            reason = error if shown == setting else "it is no URL that can be opened"
            raise BadCall(f"setting REPORTING_LANDING={shown}: {reason}") from None
        if not setting.strip() or not filesystem.isdir(root):
            raise BadCall(
                f"setting REPORTING_LANDING: there is no folder {without_secrets(setting)}; "
                "name the folder or URL that holds one folder per raw table"
            )
        listed = None if only is None else frozenset(only)
        return cls(setting, filesystem, root.rstrip("/"), listed)

    @property
    def is_local(self) -> bool:
        """Whether DuckDB reads the files in place, without fsspec."""
        return isinstance(self.filesystem, LocalFileSystem)

    @property
    def prefix(self) -> str:
        """The part before a relative path in the address that DuckDB opens."""
        return f"{self.root if self.is_local else self.filesystem.unstrip_protocol(self.root)}/"

    @property
    def shown(self) -> str:
        """The prefix as messages may repeat it."""
        return without_secrets(self.prefix)

    def address(self, path: str) -> str:
        """The address of a relative path for DuckDB, with pattern characters escaped."""
        return re.sub(r"([\[*?])", r"[\1]", self.prefix + path)  # else it would be a pattern

    def open_text(self, path: str) -> TextIO:
        """A UTF-8 text file, with or without byte order mark, its line ends untouched."""
        address = f"{self.root}/{path}"
        return cast(TextIO, self.filesystem.open(address, "r", encoding="utf-8-sig", newline=""))

    def open_bytes(self, path: str) -> BinaryIO:
        """Open a file as bytes."""
        return cast(BinaryIO, self.filesystem.open(f"{self.root}/{path}", "rb"))

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let DuckDB open the addresses of this landing zone."""
        if not self.is_local:
            connection.register_filesystem(self.filesystem)

    def strays(self, tables: Iterable[str]) -> list[str]:
        """Files and folders directly under the root that are not a table's folder, as text."""
        found = []
        for entry in self.filesystem.ls(self.root, detail=True):
            name = PurePosixPath(entry["name"]).name
            if not is_left_folder(name) and name not in tables:
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
        folder = f"{self.root}/{table}"
        if not self.filesystem.isdir(folder):
            return
        try:
            found = self.filesystem.find(folder, detail=True)
        except OSError as error:
            raise BrokenDelivery(
                f"table {table}: folder {folder} cannot be read ({error.strerror}); open its rights"
            ) from None
        for path, entry in found.items():
            fault = "" if entry["type"] == "file" else "is no file; remove it"
            yield path[len(self.root) + 1 :], fault

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return int(self.filesystem.size(f"{self.root}/{path}"))

    def states(self, paths: Iterable[str]) -> dict[str, FileState | None]:
        """The state of each file; None if it is gone."""
        self.filesystem.invalidate_cache()  # a cached listing would be out of date
        ordered = sorted(paths)
        with ThreadPoolExecutor(READERS) as pool:
            return dict(zip(ordered, pool.map(self._state, ordered), strict=True))

    def _state(self, path: str) -> FileState | None:
        address = f"{self.root}/{path}"
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
        with self.filesystem.open(f"{self.root}/{path}", "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
