"""The envelope of a file: gzip, then one OpenPGP message, signed and encrypted (lifecycle 8.1)."""

import gzip
import zlib
from collections.abc import Collection, Sequence

import gnupg

from bureau_simulator.messages import BadCall, FileRefused

GZIP_LEVEL = 6


def seal(gpg: gnupg.GPG, clear: bytes, signer: str, recipients: Sequence[str]) -> bytes:
    """Compress, sign and encrypt a clear file. Keys are full fingerprints.

    Raises BadCall where a key is missing or unusable.
    """
    result = gpg.encrypt(
        gzip.compress(clear, GZIP_LEVEL, mtime=0),
        list(recipients),
        sign=signer,
        always_trust=True,
        armor=False,
        extra_args=["--cipher-algo", "AES256", "--compress-algo", "none"],
    )
    if not result.ok or result.returncode != 0:
        raise BadCall(f"gpg could not seal the file: {result.status}")
    return bytes(result.data)


def open_sealed(gpg: gnupg.GPG, sealed: bytes, signers: Collection[str]) -> bytes:
    """Return the clear file inside an envelope that one of the listed keys signed.

    gpg hands out clear bytes before it has verified them, so they count only after exit code 0
    and one valid signature of a listed key. Raises FileRefused: ABF000 where the envelope does
    not open or the signature is none of these, ABF001 where its content does not unzip.
    """
    result = gpg.decrypt(sealed, always_trust=True)
    if not result.ok or result.returncode != 0:
        raise FileRefused("ABF000", "the file does not decrypt or is not intact")
    one_valid = bool(result.valid) and len(result.sig_info) == 1
    if not one_valid or result.pubkey_fingerprint not in signers:
        raise FileRefused("ABF000", "the file is not signed by a registered key of the furnisher")
    try:
        return gzip.decompress(result.data)
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefused("ABF001", "the decrypted file does not unzip") from error
