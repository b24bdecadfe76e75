"""What the bureau says about a record or a file (bureau-interface 1.4)."""

import re
from typing import NamedTuple

NO_TAG = "0000"  # stands for "no single tag"

CODE = re.compile(r"[AB][A-Z]{2}[0-9]{3}")
WHOLE_FILE_CODE = re.compile(r"AB[FNH][0-9]{3}")


class Message(NamedTuple):
    """One fault: feedback code, tag of the element at fault, and a plain sentence."""

    code: str
    tag: str
    text: str


class FileRefused(Exception):
    """The file is refused whole: families ABF, ABN and ABH (bureau-interface 1.4)."""

    def __init__(self, code: str, text: str) -> None:
        """Keep the code and the sentence for the answer."""
        super().__init__(f"{code} {text}")
        self.message = Message(code, NO_TAG, text)


class BadCall(Exception):
    """The simulator was called with something it cannot do; the text says what."""
