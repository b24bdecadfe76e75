"""Types of single elements (bureau-interface 2 and 1.4, rule V71)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple


class Fault(NamedTuple):
    """Feedback code and sentence; the tag is known where the value came from."""

    code: str
    text: str


Check = Callable[[str], Fault | None]


@dataclass(frozen=True)
class Element:
    """One element: tag, check of a value that is not empty, whether a value is mandatory."""

    tag: str
    check: Check
    required: bool = True

    def fault(self, value: str) -> Fault | None:
        """Return what is wrong with a value; empty is ABE000 where a value is mandatory."""
        if value:
            return self.check(value)
        return Fault("ABE000", "mandatory item is empty") if self.required else None


# Control, replacement, zero-width, direction and private-use characters, and blanks at the ends.
_NOT_IN_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufffd\ue000-\uf8ff"
    "\U000f0000-\U0010ffff]|^\\s|\\s$"
)
_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_FIRST_DAY, _LAST_DAY = "1901-01-01", "2099-12-31"
_FIRST_MONTH, _LAST_MONTH = "1901-01", "2099-12"


def letters(longest: int, exactly: bool = False) -> Check:
    """AN: half-width letters and digits, up to or exactly so many."""
    shape = re.compile(f"[0-9A-Za-z]{{{longest if exactly else 1},{longest}}}")
    words = f"{'exactly' if exactly else 'at most'} {longest} half-width letters and digits"
    return _matching(shape, f"the value is not {words}")


def digits(length: int) -> Check:
    """N: exactly so many digits."""
    return _matching(re.compile(f"[0-9]{{{length}}}"), f"the value is not {length} digits")


def whole_number(longest: int) -> Check:
    """Int: a whole number of at most so many digits, never negative."""
    shape = re.compile(f"[0-9]{{1,{longest}}}")
    return _matching(shape, f"the value is not a whole number of at most {longest} digits")


def text(longest: int) -> Check:
    """ANC: any writing, up to so many characters, without those that V71 forbids."""

    def check(value: str) -> Fault | None:
        if len(value) > longest:
            return Fault("ABE001", f"the value is longer than {longest} characters")
        if _NOT_IN_TEXT.search(value):
            return Fault("ABE001", "the value has a character that is not allowed")
        return None

    return check


def person_name(longest: int) -> Check:
    """ANC for names: as ``text``, and no question mark inside a Chinese name."""
    any_text = text(longest)

    def check(value: str) -> Fault | None:
        if "?" in value and _CHINESE.search(value):
            return Fault("ABE001", "a Chinese name has a question mark")
        return any_text(value)

    return check


def one_of(codes: frozenset[str]) -> Check:
    """A code of a list."""
    fault = Fault("ABE001", "not in the code list")
    return lambda value: None if value in codes else fault


@lru_cache(maxsize=50_000)  # a file has few different dates
def day(value: str) -> Fault | None:
    """Date: YYYY-MM-DD within the range of bureau-interface 1.4."""
    if not _is_day(value):
        return Fault("ABE001", "the value is not a date YYYY-MM-DD")
    if not _FIRST_DAY <= value <= _LAST_DAY:
        return Fault("ABE008", f"the date is not within {_FIRST_DAY} and {_LAST_DAY}")
    return None


@lru_cache(maxsize=5_000)
def month(value: str) -> Fault | None:
    """Month: YYYY-MM within the range of bureau-interface 1.4."""
    if not _is_day(f"{value}-01"):
        return Fault("ABE001", "the value is not a month YYYY-MM")
    if not _FIRST_MONTH <= value <= _LAST_MONTH:
        return Fault("ABE008", f"the month is not within {_FIRST_MONTH} and {_LAST_MONTH}")
    return None


def _matching(shape: re.Pattern[str], sentence: str) -> Check:
    fault = Fault("ABE001", sentence)
    return lambda value: None if shape.fullmatch(value) else fault


def _is_day(value: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
