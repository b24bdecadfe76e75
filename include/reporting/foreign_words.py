"""Which words of an error of the system, the database or a library a message may repeat.

Most error texts may quote a value of a row. Only these are repeated: the operating system's about
a file, an import's about a module, and those of DuckDB and dbt about names, memory and files.
"""

import re

from reporting.errors import ReportingError

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
DBT_TEST = re.compile(r"Got \d+ results?, configured to fail if [^\n]*")


def of_error(error: BaseException) -> str:
    """An error in one line without a value of a row: its own words, or only its kind."""
    if isinstance(error, ReportingError):
        return " ".join(str(error).split())
    kind = type(error).__name__
    if not is_of_machine(error):
        return f"unforeseen {kind}"
    first = (str(error).strip().splitlines() or [""])[0]
    return _with_advice(_cut(f"{kind}: {first}" if first else kind))


def is_of_machine(error: BaseException) -> bool:
    """Whether an error is about files, memory or modules, and not about a row."""
    if isinstance(error, OSError):
        return error.errno is not None  # without a number it comes from a library
    if "duckdb" in type(error).__module__:
        return type(error).__name__ in ENGINE_KINDS
    return isinstance(error, ImportError | MemoryError)


def of_query(text: str) -> str:
    """The database's first error about names, memory or files in a longer text; else empty."""
    found = [error.group() for error in ENGINE.finditer(text) if error["kind"] in REPEATED]
    column = COLUMN.search(text)
    return _with_advice(_cut(column.group() if column else found[0] if found else ""))


def of_dbt(text: str) -> str:
    """Why a node of dbt failed: the first line that quotes no value of a row, or only the kind."""
    if engine := ENGINE.search(text):
        kind = engine["kind"]
        return _with_advice(_cut(engine.group())) if kind in REPEATED else f"{kind} Error"
    if own := DBT.search(text.strip()):
        return _cut(own["words"])
    test = DBT_TEST.search(text)
    return test.group() if test else ""


def _with_advice(words: str) -> str:
    """What can be done where DuckDB's memory does not suffice."""
    if "Out of Memory Error" not in words:
        return words
    return f"{words}; give it more by setting REPORTING_MEMORY_LIMIT, or fewer REPORTING_THREADS"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 3] + "..."
