"""Name, header and lines of a submitted file (bureau-interface 1.2, 1.3)."""

import re
from dataclasses import dataclass
from datetime import datetime

from bureau_simulator.messages import FileRefused

DELIVERY_ORDER = ("110", "220", "210")  # inside one release (lifecycle 8.4)
SUFFIX = ".enc"
HEADER_LENGTH = 50
VERSION = "2.0.0"

_NAME = re.compile(
    r"(?P<org>[0-9A-Z]{14})(?P<date>[0-9]{8})(?P<type>[0-9]{3})0(?P<serial>[0-9]{3})0"
)
_HEADER = re.compile(
    r"A050(?P<type>[0-9]{3})(?P<version>[0-9][.][0-9][.][0-9])(?P<template>10|  )"
    r"(?P<org>[0-9A-Z]{14})(?P<time>[0-9]{14})0(?P<count>[0-9]{7})"
)


@dataclass(frozen=True)
class FileName:
    """The parts of a file name. ``created`` is the creation date, YYYY-MM-DD."""

    org: str
    created: str
    record_type: str
    serial: str


@dataclass(frozen=True)
class Submission:
    """A clear file: its name, its header line and its record lines as sent."""

    name: FileName
    header: str
    lines: list[str]


def parse_name(name: str) -> FileName:
    """Take the name of a sealed file apart. Raises FileRefused ABN003."""
    match = _NAME.fullmatch(name.removesuffix(SUFFIX))
    if match is None or not name.endswith(SUFFIX):
        raise FileRefused("ABN003", "the file name does not follow the format")
    created = _moment(match["date"], "%Y%m%d")
    if created is None:
        raise FileRefused("ABN003", "the creation date in the file name is not a date")
    if match["type"] not in DELIVERY_ORDER:
        raise FileRefused("ABN003", f"records of type {match['type']} are not received")
    return FileName(match["org"], created.date().isoformat(), match["type"], match["serial"])


def receiving_order(name: str) -> tuple[str, int, str, str]:
    """Sort key of names: creation date, order of the types, serial, name (lifecycle 8.4, 12).

    A name without form comes last; it is refused in any case.
    """
    try:
        parts = parse_name(name)
    except FileRefused:
        return "9999", 0, "", name
    return parts.created, DELIVERY_ORDER.index(parts.record_type), parts.serial, name


def parse(name: FileName, clear: bytes) -> Submission:
    """Check header and count of a clear file and split it into records.

    Raises FileRefused: ABF011 not UTF-8, ABF002 nothing or an empty line in it, ABH005 header,
    ABH006 count.
    """
    try:
        text = clear.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused("ABF011", "the file is not UTF-8") from error
    # Only the line feed ends a line: other separators of Unicode may stand inside a value.
    header, *lines = text.removesuffix("\n").split("\n")
    if not header or "" in lines:
        raise FileRefused("ABF002", "the file has an empty line or no content")
    count = _check_header(name, header)
    if count != len(lines):
        raise FileRefused("ABH006", f"the header counts {count} records, the file has {len(lines)}")
    return Submission(name, header, lines)


def _check_header(name: FileName, header: str) -> int:
    """Return the count of records that the header claims."""
    match = _HEADER.fullmatch(header)
    if match is None or len(header) != HEADER_LENGTH:
        raise FileRefused("ABH005", "the header does not follow the format")
    template = "10" if name.record_type == "110" else "  "
    faults = {
        "record type differs from the file name": match["type"] != name.record_type,
        "furnisher differs from the file name": match["org"] != name.org,
        f"record version is not {VERSION}": match["version"] != VERSION,
        "template type does not belong to the record type": match["template"] != template,
        "creation time is not a time": _moment(match["time"], "%Y%m%d%H%M%S") is None,
    }
    for text, is_fault in faults.items():
        if is_fault:
            raise FileRefused("ABH005", f"header: {text}")
    return int(match["count"])


def _moment(digits: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(digits, form)
    except ValueError:
        return None
