"""Which foreign text a message may repeat: texts of errors, and keys of rows.

Most error texts may quote a value of a row. Only these are repeated: the operating system's about
a file, an import's about a module, and those of DuckDB and dbt about names, memory and files.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from reporting.core.errors import BadCall, ReportingError

LONGEST = 300  # characters of a line
# An error of DuckDB; only these kinds are about names in our own SQL, memory or files. A
# Conversion, Constraint, Invalid Input or Out of Range Error quotes values of rows.
ENGINE = re.compile(r"\b(?P<kind>[A-Z][\w ]*?) Error: [^\n]*")
REPEATED = ("Binder", "Catalog", "Parser", "Dependency", "Permission", "Out of Memory", "IO")
# Compared by name, because the error may be that DuckDB cannot be imported.
ENGINE_KINDS = ("IOException", "OutOfMemoryException")
# A sentence of Great Expectations about a column that a table lacks.
COLUMN = re.compile(r"The column \"[^\"]*\" in BatchData does not exist")
# dbt's own errors, of its language, a reference or a contract: the line after this one.
DBT = re.compile(r"^(Compilation|Parsing|Dependency) Error\b[^\n]*\n\s*(?P<words>[^\n]+)")
# What a machine lacks: the system's text, which libraries repeat in theirs, and our text.
LACKS = {
    "No space left on device": "no space left on the file system of {place}",
    "Disk quota exceeded": "the quota of disk space is used up in {place}",
    "No usable temporary directory": "no folder for temporary files can be written (TMPDIR={tmp})",
    "File too large": "a file reached the largest size that is allowed (ulimit -f), in {place}",
    "Read-only file system": "the file system of {place} cannot be written, it is read-only",
    "Input/output error": "the disk of {place} cannot be read or written (input/output error)",
    "Too many open files": "more files are open than is allowed (ulimit -n)",
    "can't start new thread": "no thread can be started: memory ran out, or ulimit -u is too low",
    "Cannot allocate memory": "memory ran out",
    "std::bad_alloc": "memory ran out",
    "Allocation failure": "memory ran out: the system gave no more (see ulimit -v)",
    "(bad allocation)": "memory ran out: the system gave no more (see ulimit -v)",
    "MemoryError": "memory ran out",
}
PATH = re.compile("[\"'](/[^\"'\\n]+)[\"']")
# Mobile and fixed telephone numbers, and every long number: resident IDs, bank cards.
PERSONAL = r"(^|[^0-9])((00)?(86)?1[3-9][0-9]{9}|0[0-9]{9,11})([^0-9]|$)|[0-9]{15}"
BETWEEN_DIGITS = r"[\s._:/-]"
DBT_TEST = re.compile(r"Got \d+ results?, configured to fail if [^\n]*")


def of_error(error: BaseException) -> str:
    """An error in one line without a value of a row: its own text, or only its kind."""
    if isinstance(error, ReportingError):
        return " ".join(str(error).split())
    if lack := of_lack(error):
        return lack
    kind = type(error).__name__
    if not is_of_machine(error):
        return f"unforeseen {kind}"
    first = (str(error).strip().splitlines() or [""])[0]
    return _with_advice(_cut(f"{kind}: {first}" if first else kind))


def of_lack(error: BaseException, place: Path | None = None) -> str:
    """What the machine lacked, if that caused an error or one of its causes; else empty.

    ``place`` is the file or folder where it happened, for an error that names none.
    """
    for one in _chain(error):
        named = one.filename if isinstance(one, OSError) else None
        kind = f"{type(one).__name__} " if isinstance(one, MemoryError) else ""
        if words := lack_in(f"{kind}{one}", Path(str(named)) if named else place):
            return words
    return ""


def lack_in(text: str, place: Path | None = None) -> str:
    """What the machine lacked according to a longer text; only a path of that text is repeated."""
    for sign, words in LACKS.items():
        if sign in text:
            path = PATH.search(text) if "{place}" in words else None
            shown = path[1] if path else place or "the home folder"
            return _cut(words.format(place=shown, tmp=os.environ.get("TMPDIR", "")))
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__


def is_of_machine(error: BaseException) -> bool:
    """Whether an error is about files, memory or modules, and not about a row."""
    if isinstance(error, OSError):
        return error.errno is not None  # without a number it comes from a library
    if "duckdb" in type(error).__module__:
        return type(error).__name__ in ENGINE_KINDS
    return isinstance(error, ImportError | MemoryError)


def of_query(text: str) -> str:
    """The first database error about names, memory or files in a longer text; else empty."""
    if lack := lack_in(text):
        return lack
    found = [error.group() for error in ENGINE.finditer(text) if error["kind"] in REPEATED]
    column = COLUMN.search(text)
    return _with_advice(_cut(column.group() if column else found[0] if found else ""))


def of_dbt(text: str) -> str:
    """Why a dbt node failed: the first line that quotes no value of a row, or only the kind."""
    if lack := lack_in(text):
        return lack
    if engine := ENGINE.search(text):
        kind = engine["kind"]
        return _with_advice(_cut(engine.group())) if kind in REPEATED else f"{kind} Error"
    if own := DBT.search(text.strip()):
        return _cut(own["words"])
    test = DBT_TEST.search(text)
    return test.group() if test else ""


def _with_advice(words: str) -> str:
    """Add what to do if DuckDB ran out of memory."""
    if "Out of Memory Error" not in words:
        return words
    return f"{words}; give it more by setting REPORTING_MEMORY_LIMIT, or fewer REPORTING_THREADS"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 3] + "..."


def looks_personal(text: str) -> bool:
    """Whether a text holds what could be an identity or a telephone number."""
    plain = unicodedata.normalize("NFKC", text)
    joined = re.sub(BETWEEN_DIGITS, "", plain)
    return any(re.search(PERSONAL, one) is not None for one in (plain, joined))


def require_impersonal(what: str, text: str) -> None:
    """Refuse a text with what looks like a person's number: it is kept for good and shown to many.

    ``what`` names the text in the line of the BadCall, such as an option of the command.
    """
    if looks_personal(text):
        raise BadCall(f"{what} holds what looks like a person's number: leave it out")
