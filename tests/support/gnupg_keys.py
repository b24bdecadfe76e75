"""Made-up GnuPG keys of a lender, a bureau and an archive, in one folder, without passphrase."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reporting.core.settings import Settings

needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="the program gpg is not there")
PEOPLE = ("lender", "bureau", "archive")


@contextmanager
def made_keys() -> Iterator[dict[str, object]]:
    """The settings of a folder with three new keys; its path is short, as GnuPG's agent needs."""
    with tempfile.TemporaryDirectory(prefix="keys") as name:
        folder = Path(name)
        folder.chmod(0o700)
        try:
            found = {person: _new_key(folder, person) for person in PEOPLE}
            yield {
                "gnupg_home": folder,
                "lender_key": found["lender"],
                "bureau_key": (found["bureau"],),
                "archive_key": (found["archive"],),
            }
        finally:
            stop = [shutil.which("gpgconf") or "", "--homedir", name, "--kill", "all"]
            subprocess.run(stop, check=False)


def with_keys(settings: Settings, keys: dict[str, object]) -> Settings:
    """The settings of a home with these keys."""
    return settings.model_copy(update=keys)


def _new_key(folder: Path, person: str) -> str:
    address = f"{person}@example.org"
    gpg = ["gpg", "--homedir", str(folder), "--batch", "--quiet", "--pinentry-mode", "loopback"]
    new = [*gpg, "--passphrase", "", "--quick-gen-key", address, "ed25519", "sign", "never"]
    subprocess.run(new, check=True, capture_output=True)
    listed = subprocess.run(
        [*gpg, "--with-colons", "--list-keys", address], check=True, capture_output=True, text=True
    ).stdout
    fingerprint = next(
        line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")
    )
    more = ["--quick-add-key", fingerprint, "cv25519", "encr", "never"]
    subprocess.run([*gpg, "--passphrase", "", *more], check=True, capture_output=True)
    return fingerprint
