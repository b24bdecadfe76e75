"""Delivery of sealed files to the bureau, and its answers.

A file is uploaded under a name that the bureau leaves alone, verified, marked as uploaded, and
renamed. Whatever stops this in the middle, calling it again ends it, and the file arrives once.
Source: life cycle, section 8.4.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from reporting.core import atomic
from reporting.core.errors import DataNotFit
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder
from reporting.submission.channels import Channel, Unreached, connected, require_configured

PART = ".part"  # of a name that the bureau does not take
UPLOADED = ".uploaded"  # of the mark beside a sealed file
TRIES = 3
PAUSE = 5.0  # seconds between them
# Persons before accounts; deleted before corrected, corrected before sent; whole deletions last.
ORDER = ("110", "220", "213", "212", "210", "214", "224", "114")
RECORD_TYPE = slice(22, 25)  # in a file name (bureau interface, 1.2)
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Connect = Callable[[Settings], AbstractContextManager[Channel]]
Result = TypeVar("Result")


class NotTransported(DataNotFit):
    """The bureau's side was not reached; what was done stays done, and the command is repeated."""


@dataclass(frozen=True)
class Delivered:
    """Where a file was delivered: the transport, and its name on the bureau's side."""

    channel: str
    remote_name: str


def require_transport(settings: Settings) -> None:
    """Require what the transport needs; BadCall names the setting or connection and what to do."""
    require_configured(settings)


def in_order(files: Iterable[Path]) -> list[Path]:
    """The files of one release in the order of their delivery; a record type unknown goes last."""

    def place(file: Path) -> tuple[int, str]:
        kind = file.name[RECORD_TYPE]
        return (ORDER.index(kind) if kind in ORDER else len(ORDER), file.name)

    return sorted(files, key=place)


def deliver(
    sealed: Path,
    sha256: str,
    settings: Settings,
    pause: float = PAUSE,
    connect: Connect = connected,
) -> Delivered:
    """Deliver a sealed file of the outbox, or end what an interrupted delivery has begun.

    The mark says what was uploaded, and where. It stays: a delivery that is not yet in the ledger
    is called again and must know. Of another place, which settings may name now, it says nothing.
    DataNotFit if the file is not the one of that hash, NotTransported after three tries.
    """
    if settings.transport == "outbox":
        return Delivered("outbox", sealed.name)  # a person carries it, and perhaps has done so
    mark = sealed.with_name(sealed.name + UPLOADED)

    def act(channel: Channel) -> Delivered:
        final = f"{channel.into}/{sealed.name}"
        part = final + PART
        uploaded = f"{sha256}\n{settings.transport} {channel.place} {final}\n"
        of_older_version = f"{sha256}\n"
        said = mark.read_text(encoding="utf-8") if mark.exists() else ""
        if said not in (uploaded, of_older_version):
            if atomic.sha256(sealed) != sha256:
                raise DataNotFit(
                    f"file {sealed.name} in the outbox is not the one that was released; restore it"
                )
            _upload(channel, sealed, part, sha256 if settings.read_back else "")
            with atomic.replaced(mark) as aside:
                aside.write_text(uploaded, encoding="utf-8")
        # Marked and gone: it was renamed. The bureau may have taken it, so no one looks for it.
        if channel.size(part) is not None:
            channel.rename(part, final)
        return Delivered(settings.transport, final)

    return _tried(act, f"file {sealed.name} was not delivered", settings, pause, connect)


def fetch(
    settings: Settings,
    known: Callable[[str, int], bool],
    pause: float = PAUSE,
    connect: Connect = connected,
) -> list[Path]:
    """Copy the bureau's new answers into ``inbox/new``; nothing is deleted on its side.

    ``known`` says of a name and size whether that file was read before. An answer that comes again
    under its name with another size is fetched: it has to be seen. Left are unfinished files and
    names of other than letters, digits and ``._-``. Transport outbox: a person brings the answers.
    """
    if settings.transport == "outbox":
        return []
    new = private_folder(private_folder(settings.inbox) / "new")

    def act(channel: Channel) -> list[Path]:
        found = []
        for name, size in sorted(channel.files(channel.out).items()):
            if name.endswith(PART) or not PLAIN_NAME.fullmatch(name) or known(name, size):
                continue
            if not _is_there(new / name, size):
                _copy(channel.read(f"{channel.out}/{name}"), size, new / name)
            found.append(new / name)
        return found

    return _tried(act, "the bureau's answers were not fetched", settings, pause, connect)


def _tried(
    act: Callable[[Channel], Result], fault: str, settings: Settings, pause: float, connect: Connect
) -> Result:
    """The result of an act that may be repeated; each try has a connection of its own."""
    why = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        try:
            with connect(settings) as channel:
                return act(channel)
        except Unreached as error:
            why = str(error)
    raise NotTransported(f"{fault} ({why}, {TRIES} tries); see to it and give the command again")


def _upload(channel: Channel, sealed: Path, part: str, sha256: str) -> None:
    """Upload a file whole, going on where an earlier try ended; an empty hash: sizes only."""
    whole = sealed.stat().st_size
    begun = channel.size(part) or 0
    with sealed.open("rb") as file:
        # where nothing is read back, no one knows what an earlier try has left
        goes_on = bool(sha256) and begun <= whole and _begins(file, channel.read(part), begun)
        channel.write(part, file, begun if goes_on else 0)
    if channel.size(part) != whole or (sha256 and _hash(channel.read(part)) != sha256):
        raise Unreached(f"{channel.host}: what was written reads back otherwise")


def _begins(file: BinaryIO, content: Iterator[bytes], size: int) -> bool:
    """Whether a file begins with a content of a size; no content is read if there is none."""
    return not size or all(piece == file.read(len(piece)) for piece in content)


def _is_there(path: Path, size: int) -> bool:
    """Whether a fetched file waits to be read."""
    return path.is_file() and path.stat().st_size == size


def _copy(content: Iterator[bytes], size: int, final: Path) -> None:
    with atomic.replaced(final) as aside:
        aside.touch(mode=0o600)
        with aside.open("wb") as file:
            for piece in content:
                file.write(piece)
        if aside.stat().st_size != size:
            raise Unreached(f"{final.name} ended early or is still being written")


def _hash(pieces: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()
