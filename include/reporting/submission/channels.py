"""Two channels to the bureau: a folder, and an SFTP server. Both offer the same few operations.

Every fault of a channel, such as a cut connection, is ``Unreached``; errors of our own disk are
not. Source: life cycle, section 8.4.
"""

import base64
import binascii
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from reporting.core import atomic
from reporting.core.errors import BadCall
from reporting.core.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECTION = "reporting_bureau"
PIECE = 1 << 20  # bytes
SECONDS = 30  # longest wait for one answer of a server
PORT = 22


class Unreached(Exception):
    """Why a channel did not do what it was to do: its host and words without secrets."""


class Channel(Protocol):
    """Operations on the bureau's side; paths are relative to where the channel begins."""

    host: str  # how error lines call the other side
    place: str  # where it is, with the account: another place has other files
    into: str  # the folder from which the bureau takes our files
    out: str  # the folder of its answers

    def files(self, folder: str) -> dict[str, int]:
        """The names of the plain files in a folder, with their sizes."""

    def size(self, path: str) -> int | None:
        """The size of a file; None if there is none."""

    def read(self, path: str) -> Iterator[bytes]:
        """The content of a file in pieces."""

    def write(self, path: str, source: BinaryIO, at: int) -> None:
        """Write the rest of a source at a position of a file; at 0 the file begins anew."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file in one step."""


@contextmanager
def connected(settings: Settings) -> Iterator[Channel]:
    """The channel of the settings, open for the block; Unreached, or BadCall by configuration."""
    if settings.transport == "sftp":
        with _sftp(_server()) as channel:
            yield channel
    else:
        yield Folder(_bureau_folder(settings))


def require_configured(settings: Settings) -> None:
    """BadCall where setting or connection lack something; nothing is connected."""
    if settings.transport == "sftp":
        _server()
    elif settings.transport == "folder":
        _bureau_folder(settings)


def _bureau_folder(settings: Settings) -> Path:
    setting, root = "setting REPORTING_BUREAU_FOLDER", settings.bureau_folder
    if root is None:
        raise BadCall(f"{setting}: no folder is named; name the one with the bureau's in/ and out/")
    for name in (Folder.into, Folder.out):
        if not (root / name).is_dir():
            raise BadCall(f"{setting}: there is no folder {root / name}; make it, or name another")
    if not os.access(root / Folder.into, os.W_OK | os.X_OK):
        raise BadCall(f"{setting}: cannot write in {root / Folder.into}; allow it, or name another")
    return root


@contextmanager
def _faults(host: str, *kinds: type[Exception]) -> Iterator[None]:
    caught: tuple[type[Exception], ...] = (OSError, EOFError, *kinds)
    try:
        yield
    except caught as fault:
        number = getattr(fault, "errno", None)  # the text of a fault may hold a secret
        words = os.strerror(number) if number else f"it ended ({type(fault).__name__})"
        raise Unreached(f"{host}: {words}") from fault


class Folder:
    """The bureau's folder on this machine or on a network drive."""

    into = "in"
    out = "out"

    def __init__(self, root: Path) -> None:
        """A channel of a folder that holds ``in`` and ``out``."""
        self.root = root
        self.host, self.place = str(root), str(root.resolve())

    def files(self, folder: str) -> dict[str, int]:
        """See Channel."""
        with _faults(self.host):
            found = [path for path in (self.root / folder).iterdir() if path.is_file()]
            return {path.name: path.stat().st_size for path in found}

    def size(self, path: str) -> int | None:
        """See Channel."""
        with _faults(self.host):
            try:
                return (self.root / path).stat().st_size
            except FileNotFoundError:
                return None

    def read(self, path: str) -> Iterator[bytes]:
        """See Channel."""
        with _faults(self.host), (self.root / path).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def write(self, path: str, source: BinaryIO, at: int) -> None:
        """See Channel; the file is synced to disk."""
        with _faults(self.host), (self.root / path).open("r+b" if at else "wb") as file:
            _copy(source, file, at)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """See Channel; the names are synced to disk."""
        with _faults(self.host):
            final = self.root / new
            (self.root / old).replace(final)
            atomic.sync_folder(final.parent)


@dataclass(frozen=True)
class Server:
    """The SFTP server of the Airflow connection; ``login_with`` is how we show who we are."""

    host: str
    port: int
    login: str
    login_with: dict[str, Any]
    host_key: Any
    into: str
    out: str


class Sftp:
    """A session with an SFTP server."""

    def __init__(self, server: Server, session: Any) -> None:
        """A channel of an open paramiko.SFTPClient."""
        self.host, self.into, self.out = server.host, server.into, server.out
        self.place = f"{server.login}@{server.host}:{server.port}"
        self.session = session

    def files(self, folder: str) -> dict[str, int]:
        """See Channel."""
        with _sftp_faults(self.host):
            found = self.session.listdir_attr(folder)
            plain = [one for one in found if stat.S_ISREG(one.st_mode or 0)]
            return {str(one.filename): int(one.st_size) for one in plain}

    def size(self, path: str) -> int | None:
        """See Channel."""
        with _sftp_faults(self.host):
            try:
                return int(self.session.stat(path).st_size)
            except FileNotFoundError:
                return None

    def read(self, path: str) -> Iterator[bytes]:
        """See Channel. Nothing is asked for ahead: paramiko does so in a thread of its own, which
        ends with a traceback on the terminal where the connection is cut.
        """
        with _sftp_faults(self.host), self.session.open(path, "rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def write(self, path: str, source: BinaryIO, at: int) -> None:
        """See Channel."""
        with _sftp_faults(self.host), self.session.open(path, "r+b" if at else "wb") as file:
            file.set_pipelined(True)
            _copy(source, file, at)

    def rename(self, old: str, new: str) -> None:
        """See Channel."""
        with _sftp_faults(self.host):
            self.session.posix_rename(old, new)


def _copy(source: BinaryIO, file: Any, at: int) -> None:
    source.seek(at)
    file.seek(at)
    while piece := source.read(PIECE):
        file.write(piece)


@contextmanager
def _sftp_faults(host: str) -> Iterator[None]:
    from paramiko import SFTPError, SSHException

    with _faults(host, SSHException, SFTPError):
        yield


@contextmanager
def _sftp(server: Server) -> Iterator[Sftp]:
    """A session with the server; no other host key is taken than that of the connection."""
    from paramiko import RejectPolicy, SSHClient

    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # each fault is in our error line
    name = server.host if server.port == PORT else f"[{server.host}]:{server.port}"
    with SSHClient() as client:
        client.get_host_keys().add(name, server.host_key.get_name(), server.host_key)
        client.set_missing_host_key_policy(RejectPolicy())
        with _sftp_faults(server.host):
            _log_in(client, server)
            session = client.open_sftp()
            session.get_channel().settimeout(SECONDS)
        yield Sftp(server, session)


def _log_in(client: Any, server: Server) -> None:
    """BadCall where host key or login are refused: trying again does not help."""
    from paramiko import AuthenticationException, BadHostKeyException
    from paramiko.ssh_exception import NoValidConnectionsError

    waits = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout", "channel_timeout"), SECONDS)
    own_keys = {"allow_agent": False, "look_for_keys": False}  # those of this machine's user
    place = {"port": server.port, "username": server.login}
    try:
        client.connect(server.host, **place, **server.login_with, **own_keys, **waits)
    except NoValidConnectionsError as error:  # a fault of each address; the first says why
        raise next(iter(error.errors.values())) from None
    except BadHostKeyException:
        raise _lack(
            f"{server.host} shows another host key than the extra 'host_key'; "
            "ask the bureau for its key before you change the extra"
        ) from None
    except AuthenticationException:
        transport = client.get_transport()
        if transport is None or not transport.is_active():
            raise  # the connection was cut meanwhile
        raise _lack(
            f"{server.host} does not let {server.login} in; "
            "correct its login and 'key_file', or its password"
        ) from None


def _server() -> Server:
    """The server of the Airflow connection; BadCall naming what it lacks."""
    found = _connection()
    extra = found.extra_dejson
    if found.conn_type != "sftp":
        raise _lack(f"it is of type {found.conn_type!r}; make it one of type 'sftp'")
    for field in ("host", "login"):
        if not getattr(found, field):
            raise _lack(f"it names no {field}; add it")
    if not extra.get("host_key"):
        raise _lack("its extra 'host_key' is missing; ask the bureau for its server's public key")
    return Server(
        host=str(found.host),
        port=found.port or PORT,
        login=str(found.login),
        login_with=_login_with(extra.get("key_file"), found.password),
        host_key=_host_key(str(extra["host_key"])),
        into=str(extra.get("in") or "in").rstrip("/"),
        out=str(extra.get("out") or "out").rstrip("/"),
    )


def _connection() -> "Connection":
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        raise _lack(
            "Airflow has none that it can read; add it, or set the variable "
            f"AIRFLOW_CONN_{CONNECTION.upper()} to one as JSON or as a URI"
        ) from None


def _login_with(key_file: str | None, password: str | None) -> dict[str, Any]:
    """The private key, which a password opens if there is one; without a key the password."""
    from paramiko import PKey, SSHException
    from paramiko.pkey import UnknownKeyType

    if not key_file and not password:
        raise _lack("its extra 'key_file' is missing; name the file of our private key")
    if not key_file:
        return {"password": password}
    try:
        return {"pkey": PKey.from_path(key_file, password.encode() if password else None)}
    except (OSError, SSHException, UnknownKeyType, ValueError, TypeError):
        raise _lack(f"its 'key_file' {key_file} is not a private key that opens") from None


def _host_key(text: str) -> Any:
    """A public key as in a known_hosts file: its type, then its bytes in base64."""
    from paramiko import PKey, SSHException
    from paramiko.pkey import UnknownKeyType

    try:
        kind, content = text.split()[:2]
        return PKey.from_type_string(kind, base64.b64decode(content, validate=True))
    except (ValueError, binascii.Error, SSHException, UnknownKeyType):
        raise _lack("its extra 'host_key' is not of the form 'ssh-ed25519 AAAA...'") from None


def _lack(words: str) -> BadCall:
    return BadCall(f"connection {CONNECTION}: {words}")
