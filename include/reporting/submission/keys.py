"""The OpenPGP keys of lender, bureau and archive, and GnuPG, which holds and uses them.

Keys are named by full fingerprints and trusted for being named (``--trust-model always``).
Source: life cycle, section 8.1.
"""

import logging
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gnupg import GPG

from reporting.core.errors import BadCall
from reporting.core.run import CHINA
from reporting.core.settings import Settings

LENDER, BUREAU, ARCHIVE = (f"REPORTING_{one}_KEY" for one in ("LENDER", "BUREAU", "ARCHIVE"))
ALL = (LENDER, BUREAU, ARCHIVE)
LONGEST_FOLDER = 80  # bytes; a longer path leaves no room for the name of the agent's socket
PROGRAMS = ("gpg", "gpgconf")
SIGN, ENCRYPT = "s", "e"  # GnuPG's letters for what a key can do
CANNOT = {SIGN: "cannot sign (any more)", ENCRYPT: "cannot encrypt (any more)"}
UNUSABLE = {"r": "was revoked", "i": "is not valid", "d": "is disabled"}
# No options of the user's gpg.conf, no network, no prompt.
OPTIONS = ("--no-options", "--trust-model", "always", "--disable-dirmngr", "--no-auto-key-locate")

_in_use: dict[tuple[Path, Path | None], GPG] = {}


@dataclass(frozen=True)
class Key:
    """A key that a setting names; ``fault`` is why it cannot be used, empty if it can.

    ``expires``: from which day on it is of no use (China time); None: never, or not known.
    """

    setting: str
    fingerprint: str
    fault: str
    expires: date | None


def missing(settings: Settings) -> str:
    """Why no file can be released on this machine, in one line; empty if GnuPG and a key are set.

    Whether the keys can be used is for ``require_keys``.
    """
    if absent := [one for one in PROGRAMS if not shutil.which(one)]:
        return f"the program {absent[0]} is not installed; install GnuPG to release files"
    if not settings.bureau_key:
        return f"setting {BUREAU}: no key is named; name the bureau's key to release files"
    return ""


def require_keys(settings: Settings, needed: tuple[str, ...] = ALL) -> None:
    """Require the keys of some settings, mostly all, and that the lender's signs and opens.

    BadCall names the setting and what to do.
    """
    if BUREAU in needed and (words := missing(settings)):
        raise BadCall(words)
    for setting, named in _named(settings).items():
        if setting in needed and not named:
            raise BadCall(f"setting {setting}: no key is named; name its full fingerprint")
    for key in keys(settings):
        if key.fault and key.setting in needed:
            raise BadCall(
                f"setting {key.setting}: no usable key {key.fingerprint}: it {key.fault}; "
                f"import a usable one into {settings.key_folder} and name it there"
            )
    require_secret(settings)


def keys(settings: Settings) -> list[Key]:
    """Every key that the settings name, in their order; BadCall where GnuPG cannot be used."""
    with keyring(settings) as gpg:
        listed = {key["fingerprint"]: key for key in gpg.list_keys()}
        secret = {key["fingerprint"] for key in gpg.list_keys(secret=True)}
    found = []
    for setting, named in _named(settings).items():
        for place, fingerprint in enumerate(named):
            uses = _uses(setting, place)
            key = listed.get(fingerprint)
            fault = _fault(key, uses) if key else f"is not in {settings.key_folder}"
            if not fault and setting == LENDER and fingerprint not in secret:
                fault = f"has no secret key in {settings.key_folder}"
            expires = _expires(key, uses) if key else None
            found.append(Key(setting, fingerprint, fault, expires))
    return found


def require_secret(settings: Settings) -> None:
    """Sign, seal and open nothing with the lender's key, the only proof that its secret works."""
    lender = settings.lender_key.upper()
    with keyring(settings) as gpg:
        made = gpg.encrypt(
            b"", [lender], sign=True, armor=False, extra_args=["--local-user", lender]
        )
        if made.returncode == 0 and gpg.decrypt(made.data).returncode == 0:
            return
    raise BadCall(
        f"setting {LENDER}: no usable key {lender}: GnuPG cannot sign and open with it; see that "
        "the setting REPORTING_PASSPHRASE_FILE, the agent or the card gives its passphrase"
    )


@contextmanager
def keyring(settings: Settings) -> Iterator[GPG]:
    """GnuPG with the folder of keys; inside such a block it is the same one.

    At the end the agent stops, which keeps secret keys open. One that ran before stays: somebody
    has entered a passphrase there.
    """
    place = (settings.key_folder, settings.passphrase_file)
    if place in _in_use:
        yield _in_use[place]
        return
    gpg = _open(settings)
    is_ours = not _agent_runs(settings.key_folder)
    _in_use[place] = gpg
    try:
        yield gpg
    finally:
        del _in_use[place]
        if is_ours:
            _gpgconf(settings.key_folder, "--kill", "all")


def _open(settings: Settings) -> GPG:
    folder = settings.key_folder
    if absent := [one for one in PROGRAMS if not shutil.which(one)]:
        raise BadCall(f"the program {absent[0]} is not installed; install GnuPG")
    if not is_short(folder):
        raise BadCall(
            f"setting REPORTING_GNUPG_HOME: the path {folder} has {len(os.fsencode(folder))} bytes "
            f"and GnuPG's agent allows {LONGEST_FOLDER}; name a shorter one"
        )
    if not folder.is_dir():
        raise BadCall(
            f"setting REPORTING_GNUPG_HOME: there is no folder {folder}; import the keys into it"
        )
    logging.getLogger("gnupg").setLevel(logging.CRITICAL)  # its lines show names of keys and data
    options = [*OPTIONS, *_passphrase(settings)]
    return GPG(gnupghome=str(folder), options=options, env={**os.environ, "LC_ALL": "C"})


def is_short(folder: Path) -> bool:
    """Whether the socket of GnuPG's agent has room below a folder of keys."""
    return len(os.fsencode(folder)) <= LONGEST_FOLDER


def _passphrase(settings: Settings) -> tuple[str, ...]:
    file = settings.passphrase_file
    if file is None:
        return ()
    if not file.is_file() or not os.access(file, os.R_OK):
        raise BadCall(f"setting REPORTING_PASSPHRASE_FILE: cannot read {file}; name a file")
    if file.stat().st_mode & 0o077:
        raise BadCall(f"setting REPORTING_PASSPHRASE_FILE: others can read {file}; chmod 600 it")
    return ("--pinentry-mode", "loopback", "--passphrase-file", str(file.resolve()))


def _named(settings: Settings) -> dict[str, tuple[str, ...]]:
    named = {
        LENDER: (settings.lender_key,) if settings.lender_key else (),
        BUREAU: settings.bureau_key,
        ARCHIVE: settings.archive_key,
    }
    return {setting: tuple(key.upper() for key in keys) for setting, keys in named.items()}


def _uses(setting: str, place: int) -> str:
    """What a key must be able to do: the bureau's first encrypts, and all of them verify."""
    if setting == ARCHIVE:
        return ENCRYPT
    return SIGN + ENCRYPT if setting == LENDER or place == 0 else SIGN


def _fault(key: dict[str, Any], uses: str) -> str:
    """Why a key of GnuPG's list cannot be used; its capital letters are what it can do today."""
    if key["trust"] == "e":
        return f"expired on {_day(key['expires'])}"
    if "D" in key["cap"]:
        return UNUSABLE["d"]
    if key["trust"] in UNUSABLE:
        return UNUSABLE[key["trust"]]
    return next((CANNOT[use] for use in uses if use.upper() not in key["cap"]), "")


def _expires(key: dict[str, Any], uses: str) -> date | None:
    """When the first of the uses ends; for each, the part of the key that lasts longest counts."""
    parts = [key, *key.get("subkey_info", {}).values()]
    ends = [_end(key)]
    for use in uses:
        can = [part for part in parts if use in part["cap"] and part["trust"] not in UNUSABLE]
        ends.append(max((_end(part) for part in can), default=date.max))
    first = min(ends)
    return None if first == date.max else first


def _end(part: dict[str, Any]) -> date:
    return _day(part["expires"]) if part["expires"] else date.max


def _day(seconds: str) -> date:
    return datetime.fromtimestamp(int(seconds), CHINA).date()


def _agent_runs(folder: Path) -> bool:
    """Whether an agent answers; an agent that was killed leaves a socket that no one answers."""
    path = _gpgconf(folder, "--list-dirs", "agent-socket").strip()
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(path) == 0


def _gpgconf(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own arguments
        [str(shutil.which("gpgconf")), "--homedir", str(folder), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout
