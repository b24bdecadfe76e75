"""What a run is made of: its id, and the key under which personal segments are hashed."""

import hashlib
import secrets
from pathlib import Path

import duckdb

from reporting import __version__, atomic
from reporting.home import private_folder
from reporting.run import Run
from reporting.settings import DBT_PROJECT, EXPECTATIONS, Settings

KEY_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256, for HMAC (RFC 2104)


def run_id(
    run: Run, settings: Settings, policy: Path, input_digest: str, built_on: str | None
) -> str:
    """A hash of all that a month follows from: equal runs have equal ids.

    That is month, cut-off, code, seeds, policy, input, the settings that published tables follow
    from, and the run id of the month before (``built_on``), so that a month whose id stands rests
    on months that stand. Waivers, limits and the engine change no record and are left out.
    """
    parts = (
        *(rules_digest(policy), run.label, run.as_of.isoformat(), input_digest, built_on or ""),
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


def hash_key(settings: Settings) -> bytes:
    """The secret key of this installation, made once: ``secure/hash.key`` (mode 0600)."""
    path = private_folder(settings.home.resolve() / "secure") / "hash.key"
    if not path.exists():
        with atomic.replaced(path) as aside:  # a key that is lost changes every hash
            aside.touch(mode=0o600)
            aside.write_bytes(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def create_hash_key(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Put the key's two HMAC pads into the build store, where the record models find them."""
    key = hash_key(settings).ljust(BLOCK_BYTES, b"\0")
    connection.execute("create schema if not exists secure")
    connection.execute(
        "create or replace table secure.hash_key as "
        "select ?::blob as inner_pad, ?::blob as outer_pad",
        [bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)],
    )
