"""Folders of made-up OpenPGP keys, for every side of an envelope, used by way of ``gpg`` itself."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reporting.core.settings import Settings

GPG, GPGCONF = shutil.which("gpg"), shutil.which("gpgconf")
LONG_AGO = "20200101T000000"


@dataclass(frozen=True)
class KeyHome:
    """One side's folder of keys."""

    folder: Path

    def gpg(self, *arguments: str, content: bytes = b"", passphrase: str = "") -> bytes:
        """What the program writes; CalledProcessError if it fails."""
        always = ("--homedir", str(self.folder), "--batch", "--no-options", "--quiet")
        secret = ("--pinentry-mode", "loopback", "--passphrase", passphrase)
        command = [str(GPG), *always, "--trust-model", "always", *secret, *arguments]
        return subprocess.run(command, input=content, capture_output=True, check=True).stdout

    def make(self, name: str, expires: str = "never", at: str = "", passphrase: str = "") -> str:
        """Make a key that signs, with a subkey that encrypts; returns the full fingerprint."""
        clock = ("--faked-system-time", f"{at}!") if at else ()
        who = f"{name} <{name}@example.org>"
        new = ("--quick-generate-key", who, "ed25519", "cert,sign", expires)
        self.gpg(*clock, *new, passphrase=passphrase)
        fingerprint = self.fingerprint(f"<{name}@example.org>")
        subkey = ("--quick-add-key", fingerprint, "cv25519", "encrypt", expires)
        self.gpg(*clock, *subkey, passphrase=passphrase)
        return fingerprint

    def fingerprint(self, name: str) -> str:
        listed = self.gpg("--with-colons", "--list-keys", name).decode()
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def stop_agent(self) -> None:
        subprocess.run([str(GPGCONF), "--homedir", str(self.folder), "--kill", "all"], check=True)

    def revoke(self, fingerprint: str) -> None:
        certificate = self.folder / "openpgp-revocs.d" / f"{fingerprint}.rev"
        text = certificate.read_text(encoding="utf-8").replace(":-----BEGIN", "-----BEGIN")
        self.gpg("--import", content=text.encode())

    def give(self, fingerprint: str, *others: "KeyHome") -> None:
        """Give the public key to others."""
        public = self.gpg("--export", fingerprint)
        for other in others:
            other.gpg("--import", content=public)

    def seal(self, content: bytes, to: str, *by: str, options: tuple[str, ...] = ()) -> bytes:
        """Encrypt a content to one key, signed by others."""
        signed = ("--sign", *(word for key in by for word in ("--local-user", key))) if by else ()
        return self.gpg("--encrypt", "--recipient", to, *signed, *options, content=content)

    def opened(self, path: Path) -> bytes:
        return self.gpg("--decrypt", str(path))

    def words(self, path: Path) -> str:
        """What the program says of a sealed file, one word of status a line."""
        return self.gpg(
            "--status-fd", "1", "--output", "/dev/null", "--yes", "--decrypt", str(path)
        ).decode()


@dataclass(frozen=True)
class Sides:
    """Lender, bureau and archive with their keys; the lender has the others' public ones."""

    lender: KeyHome
    bureau: KeyHome
    archive: KeyHome
    stranger: KeyHome
    keys: dict[str, str]

    def settings(self, home: Path, **others: object) -> Settings:
        """The lender's settings, with others in their place."""
        usual = {
            "home": home,
            "gnupg_home": self.lender.folder,
            "lender_key": self.keys["lender"],
            "bureau_key": (self.keys["bureau"],),
            "archive_key": (self.keys["archive"],),
        }
        return Settings.model_validate(usual | others)


@contextmanager
def key_homes(*names: str) -> Iterator[list[KeyHome]]:
    """Empty folders with short paths; skips where there is no GnuPG."""
    if not GPG or not GPGCONF:
        pytest.skip("the program gpg is not installed")
    with tempfile.TemporaryDirectory(prefix="keys", ignore_cleanup_errors=True) as folder:
        homes = [KeyHome(Path(folder) / name) for name in names]
        for home in homes:
            home.folder.mkdir(mode=0o700)
        try:
            yield homes
        finally:
            for home in homes:
                home.stop_agent()


@contextmanager
def sides() -> Iterator[Sides]:
    """The four sides, each with one key of its name and the public keys that it needs."""
    names = ("lender", "bureau", "archive", "stranger")
    with key_homes(*names) as homes:
        by_name = dict(zip(names, homes, strict=True))
        keys = {name: home.make(name) for name, home in by_name.items()}
        lender = by_name["lender"]
        for name, home in by_name.items():
            if name != "lender":
                home.give(keys[name], lender)
                lender.give(keys["lender"], home)
        yield Sides(**by_name, keys=keys)
