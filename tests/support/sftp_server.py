"""A real SFTP server on this machine. It counts what it is asked and cuts connections when told."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

LOGIN, PASSWORD = "lender", "a made-up password"
COUNTED = ("open", "read", "write", "stat", "posix_rename", "close")


@dataclass
class SftpBureau:
    """The bureau's server; it takes a file as soon as it has its final name.

    ``cut_before`` and ``cut_after`` hold numbers of requests, from 1: the connection is cut before
    or after such a request is done, without an answer. ``changed`` may change what is written.
    """

    root: Path
    cut_before: set[int] = field(default_factory=set)
    cut_after: set[int] = field(default_factory=set)
    changed: Callable[[bytes], bytes] = bytes
    requests: list[str] = field(default_factory=list)
    bytes_written: int = 0
    arrived: list[str] = field(default_factory=list)
    port: int = 0
    host_key: str = ""
    lender_key: bytes = b""

    def take(self, path: Path) -> None:
        """Take a file away, as the bureau may do at once."""
        self.arrived.append(path.name)
        (self.root / "received").mkdir(exist_ok=True)
        path.rename(self.root / "received" / f"{path.name}.{len(self.arrived)}")

    def connection(self, key_file: Path, **others: Any) -> dict[str, Any]:
        """The Airflow connection of this server, with others in its place."""
        usual = {"conn_type": "sftp", "host": "127.0.0.1", "port": self.port, "login": LOGIN}
        extra = {"key_file": str(key_file), "host_key": self.host_key}
        return usual | {"extra": extra} | others


def _server_of(bureau: SftpBureau) -> type[asyncssh.SFTPServer]:
    class Counting(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(bureau.root).encode())
            self.is_cut = False

        def counted(self, name: str, *arguments: Any) -> Any:
            if self.is_cut:  # what came with the request before is lost
                raise asyncssh.SFTPConnectionLost("cut")
            bureau.requests.append(name)
            number = len(bureau.requests)
            if number in bureau.cut_before:
                self.cut()
            done = getattr(super(), name)(*arguments)
            if name == "posix_rename":
                bureau.take(Path(self.map_path(arguments[1]).decode()))
            if number in bureau.cut_after:
                self.cut()
            return done

        def cut(self) -> None:
            self.is_cut = True
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("cut")

        def write(self, file_obj: object, offset: int, data: bytes) -> Any:
            done = self.counted("write", file_obj, offset, bureau.changed(data))
            bureau.bytes_written += len(data)
            return done

    def counting(name: str) -> Callable[..., Any]:
        return lambda self, *arguments: self.counted(name, *arguments)

    for name in COUNTED:
        if name != "write":
            setattr(Counting, name, counting(name))
    return Counting


class _Door(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (LOGIN, PASSWORD)


def new_key_file(path: Path) -> str:
    """Write a new private key; returns its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.write_bytes(key.export_private_key("openssh"))
    path.chmod(0o600)
    return key.export_public_key("openssh").decode().strip()


@contextmanager
def serving(root: Path, lender_key: str) -> Iterator[SftpBureau]:
    """A server over a folder with ``in`` and ``out`` that lets the lender's key in."""
    for name in ("in", "out"):
        (root / name).mkdir(parents=True, exist_ok=True)
    bureau = SftpBureau(root)
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    bureau.host_key = host_key.export_public_key("openssh").decode().strip()
    loop = asyncio.new_event_loop()

    async def listen() -> Any:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            server_factory=_Door,
            authorized_client_keys=asyncssh.import_authorized_keys(lender_key),
            sftp_factory=_server_of(bureau),
        )

    server = loop.run_until_complete(listen())
    bureau.port = server.get_port()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def close() -> None:
        server.close()
        await server.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    try:
        yield bureau
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
