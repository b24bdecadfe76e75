"""A reader of submission folders, written from the interface alone.

Sources: bureau interface, sections 1.2 (file name), 1.3 (header), 2 (records); contracts, section 5
(folder, order, rounding). It takes nothing from the writer, so that what it accepts is what the
bureau sees.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

Row = dict[str, Any]
# A record as nested dictionaries by tag; a tag that repeats holds a list.
Record = dict[str, Any]

FILE_NAME = re.compile(
    r"(?P<reporter>[0-9A-Z]{14})(?P<created_on>[0-9]{8})(?P<type>[0-9]{3})0"
    r"(?P<serial>[0-9]{3})0\.txt"
)
HEADER = re.compile(
    r"A050(?P<type>[0-9]{3})2\.0\.0(?P<template>10|  )(?P<reporter>[0-9A-Z]{14})"
    r"(?P<created_at>[0-9]{14})0(?P<records>[0-9]{7})"
)
HEADER_BYTES = 50
MANIFEST = "manifest.json"
ROOT_TAGS = {"110": "InBasInf", "210": "InAcctInf", "220": "InCtrctInf"}
BASE_TAGS = {"110": "BsSgmt", "210": "AcctBsSgmt", "220": "CtrctBsSgmt"}
CODE_TAGS = {"210": "AcctCode", "220": "ContractCode"}  # a person has no code to sort by
MONTHLY_TAGS = (  # segment H of R1 and R4, in the order of bureau interface, section 2.4
    "Month",
    "SettDate",
    "AcctStatus",
    "AcctBal",
    "RemRepPrd",
    "FiveCate",
    "FiveCateAdjDate",
    "RpyStatus",
    "OverdPrd",
    "TotOverd",
    "OverdPrinc",
    "Oved31_60Princ",
    "Oved61_90Princ",
    "Oved91_180Princ",
    "OvedPrinc180",
    "CurRpyAmt",
    "ActRpyAmt",
    "LatRpyDate",
    "CloseDate",
)


class SubmissionFaultError(AssertionError):
    """A submission that the bureau could not take; says which file and why."""


def require(holds: bool, place: object, fault: str) -> None:
    """Raise ``SubmissionFaultError`` unless the statement holds."""
    if not holds:
        raise SubmissionFaultError(f"{place}: {fault}")


@dataclass(frozen=True)
class SubmissionFile:
    """One file that was read and found well formed."""

    path: Path
    reporter_code: str
    record_type: str
    created_at: datetime
    records: list[Record]

    def segments(self, tag: str) -> list[Record]:
        """That segment of every record that has it."""
        return [record[tag] for record in self.records if tag in record]

    def base(self, record: Record) -> Record:
        """The base segment of a record."""
        return record[BASE_TAGS[self.record_type]]


@dataclass(frozen=True)
class Submission:
    """One institution's folder of one month."""

    folder: Path
    files: list[SubmissionFile]
    manifest: Record

    def records(self, record_type: str) -> list[Record]:
        """All records of one type, in file order."""
        return [
            record
            for file in self.files
            if file.record_type == record_type
            for record in file.records
        ]


# --- one file ------------------------------------------------------------------------------------


def as_record(element: Xml.Element) -> Any:
    """An element as its text, or as a dictionary of its children."""
    if len(element) == 0:
        return element.text or ""
    found: Record = {}
    for child in element:
        value = as_record(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found


def read_lines(path: Path) -> list[str]:
    """Header and record lines; UTF-8 without byte order mark, every line ended by LF alone."""
    data = path.read_bytes()
    require(not data.startswith(b"\xef\xbb\xbf"), path.name, "begins with a byte order mark")
    require(b"\r" not in data, path.name, "has a carriage return")
    require(data.endswith(b"\n"), path.name, "does not end with LF")
    try:
        lines = data.decode("utf-8").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise SubmissionFaultError(f"{path.name}: not UTF-8 ({error.reason})") from None
    require(all(lines), path.name, "has an empty line")
    return lines


def read_record(line: str, record_type: str, place: str) -> Record:
    """One XML line as segments by tag."""
    try:
        document = Xml.fromstring(line)  # noqa: S314 - the file is our own product
    except Xml.ParseError as error:
        raise SubmissionFaultError(f"{place}: not XML ({error})") from None
    require(document.tag == "Document" and len(document) == 1, place, "is not one Document")
    body = document[0]
    require(body.tag == ROOT_TAGS[record_type], place, f"holds {body.tag} in a {record_type} file")
    record = as_record(body)
    base_tag = BASE_TAGS[record_type]
    require(body[0].tag == base_tag, place, f"does not begin with {base_tag}")
    require(record[base_tag]["InfRecType"] == record_type, place, "has another InfRecType")
    monthly = body.find("AcctMthlyBlgInfSgmt")
    if monthly is not None:
        order = tuple(child.tag for child in monthly)
        require(order == MONTHLY_TAGS, place, f"monthly segment has the tags {order}")
    return record


def check_order(records: Sequence[Record], record_type: str, place: str) -> None:
    """Lines stand by code, then report date; the two name a record."""
    if record_type not in CODE_TAGS:
        return
    bases = [record[BASE_TAGS[record_type]] for record in records]
    keys = [(base[CODE_TAGS[record_type]], base["RptDate"]) for base in bases]
    require(keys == sorted(keys), place, "lines are not sorted by code and report date")
    require(len(keys) == len(set(keys)), place, "has two records of one code and report date")


def read_file(path: Path) -> SubmissionFile:
    """Read one ``.txt`` file and check name, header, count and order."""
    name = FILE_NAME.fullmatch(path.name)
    require(name is not None, path.name, "file name is not of the bureau's form (section 1.2)")
    header_line, *lines = read_lines(path)
    header = HEADER.fullmatch(header_line)
    require(len(header_line.encode()) == HEADER_BYTES, path.name, "header is not 50 bytes")
    require(header is not None, path.name, "header is not of the bureau's form (section 1.3)")
    if name is None or header is None:
        raise AssertionError("unreachable: required above")
    record_type = name["type"]
    require(record_type in ROOT_TAGS, path.name, f"record type {record_type} is not in use")
    require(header["type"] == record_type, path.name, "header has another record type")
    require(header["reporter"] == name["reporter"], path.name, "header has another institution")
    template = "10" if record_type == "110" else "  "
    require(header["template"] == template, path.name, "header has the wrong template type")
    require(header["created_at"][:8] == name["created_on"], path.name, "creation dates differ")
    require(int(header["records"]) == len(lines), path.name, "header counts other than its lines")
    require(bool(lines), path.name, "holds no record")
    records = [
        read_record(line, record_type, f"{path.name} line {number}")
        for number, line in enumerate(lines, start=2)
    ]
    check_order(records, record_type, path.name)
    created_at = datetime.strptime(header["created_at"], "%Y%m%d%H%M%S")
    return SubmissionFile(path, name["reporter"], record_type, created_at, records)


# --- one folder, all folders ---------------------------------------------------------------------


def pick(entry: Record, *names: str) -> Any:
    """The first of several possible keys of a manifest entry."""
    for name in names:
        if name in entry:
            return entry[name]
    raise SubmissionFaultError(f"{MANIFEST}: an entry has none of {names}")


def check_manifest(manifest: Record, files: Iterable[SubmissionFile], place: Path) -> None:
    """The manifest names exactly the files, with hash and number of records."""
    entries = {pick(entry, "name", "file", "file_name"): entry for entry in manifest["files"]}
    by_name = {file.path.name: file for file in files}
    require(len(entries) == len(manifest["files"]), place, "manifest names a file twice")
    require(set(entries) == set(by_name), place, "manifest names other files than are there")
    for name, entry in entries.items():
        digest = hashlib.sha256(by_name[name].path.read_bytes()).hexdigest()
        require(pick(entry, "sha256") == digest, name, "has another SHA-256 than in the manifest")
        count = pick(entry, "records", "record_count", "count")
        require(count == len(by_name[name].records), name, "has another count than in the manifest")


def read_submission(folder: Path) -> Submission:
    """Read ``<home>/submissions/<reporter_code>/<YYYY-MM>`` and check it as a whole."""
    reporter_code = folder.parent.name
    require(folder.stat().st_mode & 0o777 == 0o700, folder.name, "is not of mode 0700")
    names = sorted(path.name for path in folder.iterdir())
    require(MANIFEST in names, folder.name, f"has no {MANIFEST}")
    files = [read_file(folder / name) for name in names if name != MANIFEST]
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    check_manifest(manifest, files, folder)
    types = [file.record_type for file in files]
    require(len(types) == len(set(types)), folder.name, "has two files of one record type")
    for file in files:
        require(file.reporter_code == reporter_code, file.path.name, "is another institution's")
        check_codes(file)
    return Submission(folder, files, manifest)


def check_codes(file: SubmissionFile) -> None:
    """Account and agreement codes begin with the institution's code (V12)."""
    codes = []
    if file.record_type in CODE_TAGS:
        codes += [file.base(record)[CODE_TAGS[file.record_type]] for record in file.records]
    codes += [segment["Mcc"] for segment in file.segments("AcctCredSgmt")]
    foreign = [code for code in codes if not code.startswith(file.reporter_code)]
    require(not foreign, file.path.name, f"{len(foreign)} codes of another institution")


def read_month(home: Path, label: str) -> dict[str, Submission]:
    """Every institution's submission of a month (``YYYY-MM``), by institution code."""
    folders = sorted((home / "submissions").glob(f"*/{label}"))
    return {folder.parent.name: read_submission(folder) for folder in folders}


# --- what segment H must hold --------------------------------------------------------------------


def whole_yuan(amount: Decimal) -> int:
    """Half up; a positive amount under one yuan is 1."""
    if 0 < amount < 1:
        return 1
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def rounded_buckets(row: Row) -> dict[str, int]:
    """The four buckets: differences of the rounded sums that grow from the oldest slice on."""
    slices = (
        ("OvedPrinc180", row["overdue_principal_over_180"]),
        ("Oved91_180Princ", row["overdue_principal_91_180"]),
        ("Oved61_90Princ", row["overdue_principal_61_90"]),
        ("Oved31_60Princ", row["overdue_principal_31_60"]),
    )
    buckets = {}
    total, written = Decimal(0), 0
    for tag, amount in slices:
        total += amount
        buckets[tag] = whole_yuan(total) - written
        written = whole_yuan(total)
    return buckets


def as_text(value: object) -> str:
    """A value as it stands in the XML: days in ISO form, nothing for NULL."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def expected_monthly_segment(row: Row, opened_on: date) -> dict[str, str]:
    """Segment H as text by tag, in its order, for a row of ``marts.repayment_status``.

    Before the first repayment ``LatRpyDate`` is the open date, which the mart does not hold.
    """
    values: dict[str, object] = {
        "Month": f"{row['report_month']:%Y-%m}",
        "SettDate": row["report_date"],
        "AcctStatus": row["account_status"],
        "AcctBal": whole_yuan(row["balance"]),
        "RemRepPrd": row["remaining_periods"],
        "FiveCate": row["five_tier_class"],
        "FiveCateAdjDate": row["five_tier_assigned_on"],
        "RpyStatus": row["repayment_status"],
        "OverdPrd": row["overdue_periods"],
        "TotOverd": whole_yuan(row["overdue_total"]),
        "OverdPrinc": whole_yuan(row["overdue_principal"]),
        **rounded_buckets(row),
        "CurRpyAmt": whole_yuan(row["amount_due"]),
        "ActRpyAmt": whole_yuan(row["amount_paid"]),
        "LatRpyDate": row["last_paid_on"] or opened_on,
        "CloseDate": row["closed_on"],
    }
    return {tag: as_text(values[tag]) for tag in MONTHLY_TAGS}
