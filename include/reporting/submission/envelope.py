"""The sealed envelope: gzip, then one OpenPGP message, signed and encrypted.

A clear file is sealed in one pass for the bureau and for the archive. Nothing clear comes to the
disk. An answer counts only after GnuPG has verified all of it and the signature is the bureau's.
Source: life cycle, section 8.1.
"""

import copy
import hashlib
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Any

from gnupg import GPG
from zlib_ng import zlib_ng

from reporting.core import atomic, interrupts
from reporting.core.errors import DataNotFit, MachineFault
from reporting.core.settings import Settings
from reporting.submission.keys import (
    ARCHIVE,
    BUREAU,
    LENDER,
    keyring,
    require_keys,
    require_secret,
)

PIECE = 1 << 20  # bytes
GZIP = 31  # zlib's window bits for a gzip header; it has no name, and its time is 0
LEVEL = 6
LARGEST = 1 << 30  # bytes of a clear file; the parts of a submission are a fifth of it


@dataclass(frozen=True)
class Sealed:
    """Hash and size of a clear file, of its envelope for the bureau and of its archive copy.

    Without an envelope for the bureau its two are None.
    """

    sha256: str
    size: int
    sealed_sha256: str | None
    sealed_size: int | None
    archive_sha256: str
    archive_size: int


class Fault(StrEnum):
    """Why a sealed file is not what it should be."""

    CLOSED = "does not open with our key"
    DAMAGED = "is damaged or cut off"
    UNSIGNED = "is not signed by the bureau"
    UNKNOWN = "is signed by a key that is not here"
    TOO_LARGE = "is larger than a file may be"


class NotGenuine(DataNotFit):
    """A sealed file cannot be trusted, and nothing of it counts; ``fault`` says why."""

    fault: Fault

    @classmethod
    def of(cls, what: str, fault: Fault, remedy: str) -> "NotGenuine":
        """The error of a file, in one line with what to do."""
        error = cls(f"{what} {fault}; {remedy}")
        error.fault = fault
        return error


class _NotOpened(Exception):
    """Why a sealed file does not open, before it is said which file it is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class _Written:
    """A private file that GnuPG's output is written to, with its hash.

    GnuPG waits for ever if its output is not read. So an error is kept and the rest is read.
    """

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.hash = hashlib.sha256()
        self.size = 0
        self.error: OSError | None = None

    def __call__(self, piece: bytes) -> bool:
        """Take a piece; False tells python-gnupg not to collect it."""
        if self.error is None:
            try:
                self.file.write(piece)
            except OSError as error:
                self.error = error
        self.hash.update(piece)
        self.size += len(piece)
        return False

    def end(self) -> None:
        """Bring the file to the disk; raises the error that writing it met."""
        if self.error is not None:
            raise self.error
        self.file.flush()
        os.fsync(self.file.fileno())


def seal(clear: Path, for_bureau: Path | None, for_archive: Path, settings: Settings) -> Sealed:
    """Seal a clear file for the bureau and for the archive, in one pass; both synced, mode 0600.

    Without ``for_bureau`` for the archive alone. On an error neither file is left: BadCall for a
    key, MachineFault for GnuPG, OSError for a disk.
    """
    targets = {ARCHIVE: (for_archive, settings.archive_key)}
    if for_bureau is not None:
        targets[BUREAU] = (for_bureau, settings.bureau_key[:1])
    sha256, size = hashlib.sha256(), 0
    gzip = zlib_ng.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    try:
        with ExitStack() as stack:
            gpg = stack.enter_context(keyring(settings))
            messages = {
                setting: stack.enter_context(_message(gpg, path, setting, recipients, settings))
                for setting, (path, recipients) in targets.items()
            }
            pipes = [pipe for pipe, _ in messages.values()]
            with clear.open("rb") as file:
                while piece := file.read(PIECE):
                    interrupts.require_none()  # which the main thread alone is told
                    sha256.update(piece)
                    size += len(piece)
                    _write(gzip.compress(piece), *pipes)
            _write(gzip.flush(), *pipes)
    except BaseException:
        for path, _ in targets.values():
            path.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path, _ in targets.values()}:
        atomic.sync_folder(folder)
    written = {setting: one for setting, (_, one) in messages.items()}
    sealed, archived = written.get(BUREAU), written[ARCHIVE]
    return Sealed(
        sha256=sha256.hexdigest(),
        size=size,
        sealed_sha256=sealed.hash.hexdigest() if sealed else None,
        sealed_size=sealed.size if sealed else None,
        archive_sha256=archived.hash.hexdigest(),
        archive_size=archived.size,
    )


def open_answer(path: Path, settings: Settings, largest: int = LARGEST) -> bytes:
    """The content of a sealed answer, signed by one of the bureau's keys; NotGenuine otherwise.

    An answer of a key that has expired or was revoked is refused as well. BadCall where the
    lender's own key does not work.
    """
    try:
        with keyring(settings) as gpg:
            result = _decrypted(gpg, path, largest)
            content = _unzipped(result.data, largest)
    except _NotOpened as error:
        if error.fault is Fault.CLOSED:
            require_secret(settings)  # a passphrase that is wrong is no fault of the file
        fault = Fault.UNSIGNED if error.fault is Fault.UNKNOWN else error.fault
    else:
        signers = [one.get("pubkey_fingerprint") for one in result.sig_info.values()]
        bureau = {key.upper() for key in settings.bureau_key}
        # also an expired or revoked key makes VALIDSIG; python-gnupg lists those as problems
        if result.valid and not result.problems and len(signers) == 1 and signers[0] in bureau:
            return content
        fault = Fault.UNSIGNED
    raise NotGenuine.of(f"feedback {path.name}", fault, "ask the bureau for it again") from None


def read_archive(path: Path, settings: Settings, largest: int = LARGEST) -> bytes:
    """The content of an archive copy, where the archive's secret key is; else NotGenuine.

    Who signed it is not asked: an older lender key may have. Its hash stands in the ledger.
    """
    try:
        with keyring(settings) as gpg:
            return _unzipped(_decrypted(gpg, path, largest).data, largest)
    except _NotOpened as error:
        what = f"archive copy {path.name}"
        remedy = "read it where its key is, or restore it from a backup"
        raise NotGenuine.of(what, error.fault, remedy) from None


@contextmanager
def _message(
    gpg: GPG, path: Path, setting: str, recipients: tuple[str, ...], settings: Settings
) -> Iterator[tuple[FileIO, _Written]]:
    """One OpenPGP message: what is written to the given pipe is in it when the block ends."""
    needed = (LENDER, setting)
    written = _Written(path)
    gpg = copy.copy(gpg)  # a receiver of output of its own
    gpg.on_data = written
    reads, writes = os.pipe()
    with written.file, ThreadPoolExecutor(1) as pool, FileIO(writes, "wb") as pipe:
        sealing = pool.submit(_encrypt, gpg, reads, recipients, settings.lender_key)
        try:
            yield pipe, written
        except BrokenPipeError:  # one GnuPG has ended, of this message or of the other one
            pipe.close()  # else one that has not ended would wait for more
            _require_sealed(path, sealing.result(), settings, needed)
            raise
        pipe.close()
        _require_sealed(path, sealing.result(), settings, needed)
        written.end()


def _encrypt(gpg: GPG, reads: int, recipients: tuple[str, ...], lender: str) -> Any:
    with FileIO(reads) as source:  # unbuffered, so that it closes while it is read
        try:
            return gpg.encrypt_file(
                source,
                [key.upper() for key in recipients],
                sign=True,
                armor=False,
                # not --default-key, in whose place GnuPG takes another one if it is not usable
                extra_args=[
                    *("--local-user", lender.upper()),
                    *("--cipher-algo", "AES256", "--compress-algo", "none"),
                ],
            )
        except BrokenPipeError:
            return None


def _require_sealed(path: Path, result: Any, settings: Settings, needed: tuple[str, ...]) -> None:
    if result is not None and result.returncode == 0 and result.status == "encryption ok":
        return
    require_keys(settings, needed)  # the usual cause
    said = "ended before its input did"
    if result is not None:
        said = result.status or f"ended with code {result.returncode} and without a word"
    raise MachineFault(f"file {path.name} was not sealed: GnuPG {said}; try again")


def _write(piece: bytes, *pipes: FileIO) -> None:
    for pipe in pipes:
        rest = memoryview(piece)
        while rest:
            rest = rest[pipe.write(rest) :]


def _decrypted(gpg: GPG, path: Path, largest: int) -> Any:
    """What GnuPG has decrypted and verified to the end, with its words about signatures."""
    result = gpg.decrypt_file(str(path), extra_args=["--max-output", str(largest)])
    if result.returncode == 0 and result.ok:
        return result
    if "exceeded --max-output limit" in result.stderr:
        raise _NotOpened(Fault.TOO_LARGE)
    if result.ok and "[GNUPG:] NO_PUBKEY" in result.stderr:  # all else is well
        raise _NotOpened(Fault.UNKNOWN)
    has_opened = "[GNUPG:] DECRYPTION_INFO" in result.stderr
    raise _NotOpened(Fault.DAMAGED if has_opened else Fault.CLOSED)


def _unzipped(zipped: bytes, largest: int) -> bytes:
    """The content of one whole gzip file, with nothing behind it."""
    gzip = zlib.decompressobj(GZIP)
    try:
        content = gzip.decompress(zipped, largest)
    except zlib.error:
        raise _NotOpened(Fault.DAMAGED) from None
    if gzip.unconsumed_tail:
        raise _NotOpened(Fault.TOO_LARGE)
    if not gzip.eof or gzip.unused_data:
        raise _NotOpened(Fault.DAMAGED)
    return content
