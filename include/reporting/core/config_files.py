"""Read configuration files that people write, CSV and YAML, into validated entries.

Every fault of a file is reported, one per line, with its place.
"""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BeforeValidator, StringConstraints, TypeAdapter, ValidationError

from reporting.core.errors import BadCall
from reporting.core.run import parse_day

Form = TypeVar("Form")


def _written(form: str, words: str) -> Callable[[Any], Any]:
    """A validator that accepts one spelling of a value; pydantic itself accepts several."""

    def require(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(form, value):
            raise ValueError(f"must be {words}")
        return value

    return require


def _day(value: Any) -> Any:
    try:
        return parse_day(value) if isinstance(value, str) else value
    except BadCall:
        raise ValueError("must be a date YYYY-MM-DD") from None


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")]
Day = Annotated[date, BeforeValidator(_day)]
Whole = Annotated[int, BeforeValidator(_written("[0-9]{1,9}", "a whole number"))]
Number = Annotated[
    float, BeforeValidator(_written(r"-?[0-9]{1,12}([.][0-9]{1,9})?", "a number such as 0.25"))
]


def read_rows(
    path: Path, form: type[Form], unique: Sequence[tuple[str, ...]] = ()
) -> dict[int, Form]:
    """The rows of a CSV file by line number, each as ``form``, a pydantic dataclass of its columns.

    ``unique`` are sets of columns whose combined values must be unique. Raises BadCall with a line
    for each fault, naming file, line and column.
    """
    rows: dict[int, Form] = {}
    faults: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = [field.name for field in fields(form)]  # type: ignore[arg-type]
            if next(reader, []) != columns:
                raise BadCall(f"{path}, line 1: must be the header {','.join(columns)}")
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if len(cells) != len(columns):
                    faults.append(
                        f"{where}: has {len(cells)} fields instead of {len(columns)}; correct it"
                    )
                    continue
                row = dict(zip(columns, cells, strict=True))
                try:
                    rows[reader.line_num] = _as(form, row)
                except ValidationError as error:
                    faults += [f"{where}, column {words}" for words in _words(error, row)]
    except OSError as error:
        raise BadCall(f"{path}: cannot be read ({type(error).__name__})") from None
    except (UnicodeDecodeError, csv.Error):
        raise BadCall(f"{path}: is no CSV file in UTF-8; save it as one") from None
    for together in unique:
        faults += _repeated(path, rows, together)
    require_none(faults)
    return rows


def _as(form: type[Form], row: dict[str, str]) -> Form:
    return TypeAdapter(form).validate_python({name: cell or None for name, cell in row.items()})


def _words(error: ValidationError, row: dict[str, str]) -> list[str]:
    """What is wrong in each cell of a row; never the value itself."""
    found = {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in error.errors()}
    return [
        f"{column}: {message}; correct it"
        if row[column].strip()
        else f"{column}: is empty; fill it"
        for column, message in found.items()
    ]


def _repeated(path: Path, rows: dict[int, Form], together: tuple[str, ...]) -> list[str]:
    first: dict[tuple[Any, ...], int] = {}
    faults = []
    for line, row in rows.items():
        before = first.setdefault(tuple(getattr(row, name) for name in together), line)
        if before != line:
            where = f"{path}, line {line}, column {', '.join(together)}"
            faults.append(f"{where}: stands in line {before} already")
    return faults


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, by the parser in C, which is ten times as fast."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def read_entries(path: Path, form: type[Form], name: str) -> tuple[Form, ...]:
    """The entries of a YAML file that is a list of them, each as ``form``, a pydantic dataclass.

    ``name`` is the field that names an entry. Raises BadCall with a line for each fault, naming
    file, entry and field.
    """
    try:
        entries = read_yaml(path)
    except OSError as error:
        raise BadCall(f"{path}: cannot be read ({type(error).__name__})") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        place = " ".join(str(error).split())
        raise BadCall(f"{path}: is not YAML ({place}); correct it") from None
    if not isinstance(entries, list):
        raise BadCall(f"{path}: must be a list of entries")
    try:
        return TypeAdapter(tuple[form, ...]).validate_python(entries)  # type: ignore[valid-type]
    except ValidationError as error:
        faults = [_of_entry(path, entries, name, one["loc"], one["msg"]) for one in error.errors()]
        raise BadCall("\n".join(dict.fromkeys(faults))) from None


def _of_entry(
    path: Path, entries: list[Any], name: str, place: tuple[int | str, ...], message: str
) -> str:
    number, *field = place
    entry = entries[int(number)]
    called = entry.get(name) if isinstance(entry, dict) else None
    where = f"{name} {called}" if called else f"entry {int(number) + 1}"
    in_field = f", field {field[0]}" if field else ""
    return f"{path}, {where}{in_field}: {message.removeprefix('Value error, ')}; correct it"


def require_none(faults: Sequence[str]) -> None:
    """Raise BadCall with every fault, one per line, if there are any."""
    if faults:
        raise BadCall("\n".join(dict.fromkeys(faults)))
