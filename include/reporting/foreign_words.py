"""What may be repeated of the words of the machine, the database and the libraries.

Most of them may quote a value of a row. Only these are repeated: what the operating system says of
a file, what an import says of a module, and what DuckDB and dbt say of names, memory and files.
"""

import re

from reporting.errors import ReportingError

LONGEST = 300  # characters of a line
# Kinds of DuckDB's errors that speak of names in our own SQL, of memory or of files. A Conversion,
# Constraint, Invalid Input or Out of Range Error quotes values of rows.
ENGINE = re.compile(
    r"\b(Binder|Catalog|Parser|Dependency|Permission|Out of Memory|IO|FATAL) Error: [^\n]*"
)
ENGINE_KINDS = (
    "IOException",
    "OutOfMemoryException",
)  # by name: DuckDB itself may not import
# A sentence of Great Expectations about a column that a table lacks.
COLUMN = re.compile(r"The column \"[^\"]*\" in BatchData does not exist")
# dbt's own errors: of its language, of a reference, of a contract that a table does not hold.
COMPILATION = re.compile(
    r"(Compilation|Contract|Parsing|Dependency) Error\b[^\n]*(\n+ *)?[^\n]*"
    r"|This model has an enforced contract that failed\.?"
)


def of_error(error: BaseException) -> str:
    """An error in one line without a value of a row: its own words, or only its kind."""
    if isinstance(error, ReportingError):
        return " ".join(str(error).split())
    kind = type(error).__name__
    if not is_of_machine(error):
        return f"unforeseen {kind}"
    first = (str(error).strip().splitlines() or [""])[0]
    return _cut(f"{kind}: {first}" if first else kind)


def is_of_machine(error: BaseException) -> bool:
    """Whether an error speaks of files, memory or modules, and of no row."""
    if isinstance(error, OSError):
        return error.errno is not None  # without a number, a library speaks
    if "duckdb" in type(error).__module__:
        return type(error).__name__ in ENGINE_KINDS
    return isinstance(error, ImportError | MemoryError)


def of_query(text: str) -> str:
    """What the database says of names, memory or files in a text of many lines; else nothing."""
    found = COLUMN.search(text) or ENGINE.search(text)
    return _cut(found.group()) if found else ""


def of_dbt(text: str) -> str:
    """The first line of a message of dbt that quotes no value of a row; else nothing."""
    found = COMPILATION.search(text)
    return _cut(found.group()) if found else of_query(text)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 3] + "..."
