"""The key under which personal segments and identifiers are hashed."""

import hmac
import secrets
from collections.abc import Collection

import duckdb

from reporting.core import atomic
from reporting.core.errors import BadHome
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder

KEY_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256, for HMAC (RFC 2104)


def hash_key(settings: Settings, checks: Collection[str]) -> bytes:
    """The secret key of this installation, ``secure/hash.key`` (mode 0600); the first run makes it.

    ``checks``: the ``key_check`` values of the built months. Raises BadHome where the key is
    missing, cut off or a different one: under a new key nothing could be compared with what was
    sent, and every person would be sent again.
    """
    path = private_folder(settings.home.resolve() / "secure") / "hash.key"
    if not path.exists():
        if checks:
            raise BadHome(
                f"{path} is missing, and months are built with it; restore it from the backup"
            )
        with atomic.replaced(path) as aside:
            aside.touch(mode=0o600)
            aside.write_bytes(secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        other = "restore it from the backup" if checks else "remove it, and the next run makes one"
        raise BadHome(f"{path} holds {len(key)} bytes instead of {KEY_BYTES}; {other}")
    if any(check != key_check(key) for check in checks):
        raise BadHome(
            f"{path} is not the key that the months of this home are built with; "
            "restore that one from the backup"
        )
    return key


def key_check(key: bytes) -> str:
    """A value that identifies a key without revealing it."""
    return hmac.digest(key, b"check value of the hash key", "sha256").hex()[:16]


def create_hash_key(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Write the key's two HMAC pads into the build store for the record models."""
    key = key.ljust(BLOCK_BYTES, b"\0")
    connection.execute("create schema if not exists secure")
    connection.execute(
        "create or replace table secure.hash_key as "
        "select ?::blob as inner_pad, ?::blob as outer_pad",
        [bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)],
    )
