"""What a run is made of: its id, and the key under which personal segments are hashed."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from pathlib import Path

import duckdb

from reporting import __version__, atomic
from reporting.errors import BadHome
from reporting.home import private_folder
from reporting.run import Run
from reporting.settings import DBT_PROJECT, EXPECTATIONS, Settings

KEY_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256, for HMAC (RFC 2104)


def run_id(
    run: Run,
    settings: Settings,
    policy: Path,
    input_digest: str,
    built_on: str | None,
    key_check: str,
) -> str:
    """A hash of all that a month follows from: equal runs have equal ids.

    That is month, cut-off, code, seeds, policy, input, the settings that published tables follow
    from, the hash key (``key_check``), and the run id of the month before (``built_on``), so that a
    month whose id stands rests on months that stand. Waivers, limits and the engine change no
    record and are left out.
    """
    parts = (
        *(rules_digest(policy), run.label, run.as_of.isoformat(), input_digest, built_on or ""),
        key_check,
        *(str(settings.notice_lead_days), str(settings.cut_off_day)),  # notices name both
        str(settings.minimum_group_size),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def rules_digest(policy: Path) -> str:
    """A hash of code, seeds and policy: what turns equal input into equal output."""
    digest = hashlib.sha256(__version__.encode() + b"\0" + policy.read_bytes())
    for path in sorted(_code_files()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _code_files() -> list[Path]:
    package = Path(__file__).parent
    return [
        *package.rglob("*.py"),
        *package.rglob("*.sql"),
        *package.rglob("*.yml"),
        *EXPECTATIONS.rglob("*.py"),
        *EXPECTATIONS.rglob("*.yml"),
        *(path for kind in ("sql", "yml", "csv") for path in _dbt_files(kind)),
    ]


def _dbt_files(kind: str) -> list[Path]:
    return [path for path in DBT_PROJECT.rglob(f"*.{kind}") if "target" not in path.parts]


def hash_key(settings: Settings, checks: Collection[str]) -> bytes:
    """The secret key of this installation, ``secure/hash.key`` (mode 0600); made before any month.

    ``checks``: what ``key_check`` gave for the keys of the months that are built. Raises BadHome
    where the key is missing, cut or another one: under a new key nothing could be compared with
    what was sent, and every person would be sent again.
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
    """A value by which a key is recognized, and from which nobody can find the key."""
    return hmac.digest(key, b"check value of the hash key", "sha256").hex()[:16]


def create_hash_key(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Put the key's two HMAC pads into the build store, where the record models find them."""
    key = key.ljust(BLOCK_BYTES, b"\0")
    connection.execute("create schema if not exists secure")
    connection.execute(
        "create or replace table secure.hash_key as "
        "select ?::blob as inner_pad, ?::blob as outer_pad",
        [bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)],
    )
