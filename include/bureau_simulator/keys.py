"""Made-up GnuPG homes for the bureau, a lender and the lender's archive (lifecycle 8.1, 12)."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gnupg

from bureau_simulator import atomic
from bureau_simulator.messages import BadCall

ROLES = ("bureau", "lender", "archive")
KEYS_FILE = "keys.json"
LONGEST_HOME = 80  # bytes; a longer path breaks the socket of the agent


@contextmanager
def home(folder: Path) -> Iterator[gnupg.GPG]:
    """Open a GnuPG home and stop its agent at the end.

    Raises BadCall where the path is too long or the program ``gpg`` is missing.
    """
    folder = folder.resolve()
    if len(os.fsencode(folder)) > LONGEST_HOME:
        raise BadCall(f"the path of a GnuPG home has at most {LONGEST_HOME} bytes: {folder}")
    program, configure = shutil.which("gpg"), shutil.which("gpgconf")
    if program is None or configure is None:
        raise BadCall("the program gpg is not installed")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield gnupg.GPG(gpgbinary=program, gnupghome=str(folder))
    finally:
        stop = [configure, "--homedir", str(folder), "--kill", "all"]
        subprocess.run(stop, check=False, capture_output=True)  # noqa: S603 - no shell, own words


def create(folder: Path) -> dict[str, str]:
    """Create the three homes below a folder; return the fingerprint of each role.

    Every home has its own secret key and the public keys of the others. The keys (ed25519 to
    sign, cv25519 to encrypt) have no passphrase and do not expire: they are for tests only.
    Homes that exist are kept and only read. Raises BadCall.
    """
    if (folder / KEYS_FILE).exists():
        return read(folder)
    fingerprints, public = {}, {}
    for role in ROLES:
        shutil.rmtree(folder / role, ignore_errors=True)  # left by a call that was interrupted
        with home(folder / role) as gpg:
            fingerprints[role] = _generate(gpg, role)
            public[role] = gpg.export_keys(fingerprints[role])
    for role in ROLES:
        with home(folder / role) as gpg:
            gpg.import_keys("\n".join(public[other] for other in ROLES if other != role))
    atomic.write(folder / KEYS_FILE, (json.dumps(fingerprints, indent=2) + "\n").encode())
    return fingerprints


def read(folder: Path) -> dict[str, str]:
    """Return role and fingerprint as written by ``create``.

    Several keys of a role stand in one comma list, the first one encrypts and all verify, as in
    the settings of lifecycle 8.1. Raises BadCall where the file is missing.
    """
    file = folder / KEYS_FILE
    if not file.exists():
        raise BadCall(f"no keys in {folder}: first run `bureau-simulator keys {folder}`")
    return {role: str(value) for role, value in json.loads(file.read_text("utf-8")).items()}


def listed(fingerprints: str) -> list[str]:
    """Split a comma list of full fingerprints."""
    return [one.strip() for one in fingerprints.split(",") if one.strip()]


def _generate(gpg: gnupg.GPG, role: str) -> str:
    wish = gpg.gen_key_input(
        key_type="EDDSA",
        key_curve="ed25519",
        key_usage="sign",
        subkey_type="ECDH",
        subkey_curve="cv25519",
        subkey_usage="encrypt",
        name_real=f"Simulated {role}",
        name_email=f"{role}@simulator.invalid",
        expire_date="0",
        no_protection=True,
    )
    fingerprint = str(gpg.gen_key(wish).fingerprint or "")
    if not fingerprint:
        raise BadCall(f"gpg could not generate the key of the {role}")
    return fingerprint
