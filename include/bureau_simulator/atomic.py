"""Files are written aside and renamed, so that no one ever reads half of one."""

import os
from pathlib import Path

PART = ".part"  # a name with this ending is still being written (lifecycle 8.4)


def write(path: Path, content: bytes) -> None:
    """Write a whole file under its final name. Replaces what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + PART)
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
