"""A bureau's folder with keys, and a lender who seals files for it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bureau_simulator import envelope, keys
from support import bureau_records as example
from support.bureau_records import Body


@dataclass
class Bureau:
    """A bureau's folder; ``seal`` and ``open_answer`` act as the lender."""

    folder: Path
    keys_folder: Path
    fingerprints: dict[str, str]

    def seal(self, clear: bytes, signer: str = "lender") -> bytes:
        """The envelope of a clear file, signed by the role."""
        with keys.home(self.keys_folder / signer) as gpg:
            bureau = [self.fingerprints["bureau"]]
            return envelope.seal(gpg, clear, self.fingerprints[signer], bureau)

    def deliver(self, name: str, sealed: bytes) -> None:
        """Put a sealed file into in/."""
        inbox = self.folder / "in"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(sealed)

    def send(self, name: str, *bodies: Body) -> bytes:
        """Seal and deliver records; return the sealed bytes."""
        sealed = self.seal(example.clear_file(name, [example.xml(body) for body in bodies]))
        self.deliver(name, sealed)
        return sealed

    def answer(self, name: str) -> str:
        """The clear answer to a file, opened by the lender."""
        sealed = (self.folder / "out" / name).read_bytes()
        with keys.home(self.keys_folder / "lender") as gpg:
            return envelope.open_sealed(gpg, sealed, [self.fingerprints["bureau"]]).decode()


@contextmanager
def key_folder() -> Iterator[Path]:
    """Made-up keys below a short path: the socket of the agent needs one."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bureau-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        keys.create(folder)
        yield folder
