"""Rules inside one record 210 (bureau-interface 2.1 to 2.7 and 4)."""

from collections.abc import Iterator

from bureau_simulator import codes
from bureau_simulator.messages import NO_TAG, Message
from bureau_simulator.records import Record, Values

CLOSING_CODES = ("20", "32")
FIRST_CODES = ("10", "31")
_MODES_BY_TYPE = {"R1": codes.REVOLVING_MODES | {"90"}}

# Segments that must and must not come with a report code, and the code of the answer (2.7).
# BLR004 is the first record that is none; no source gives the rule of BLR005.
_FORBIDDEN = {"10": "GIJK", "31": "GIJ", "30": "GIJ", "20": "GIJ", "32": "GIJ", "40": "CDEFGHIK"}
_MISSING_CODE = {
    "10": "BLR000",
    "31": "BLR002",
    "30": "BLR006",
    "40": "BLR008",
    "20": "BLR010",
    "32": "BLR012",
}
_FORBIDDEN_CODE = {
    "10": "BLR001",
    "31": "BLR003",
    "30": "BLR007",
    "40": "BLR009",
    "20": "BLR011",
    "32": "BLR013",
}

# Elements whose presence depends on the account type (2.2, 2.4). C1 is not described for H.
_TYPES_OF_C = {
    "AcctCredLine": "R1 R2 R3",
    "LoanAmt": "D1 R4 C1",
    "Flag": "D1",
    "DueDate": "D1 R1 R2 R3 R4",
    "RepayPrd": "D1 R4",
    "CreditID": "R2 R3",
}
_TYPES_OF_H = {
    "PridAcctBal": "R2",
    "UsedAmt": "R2",
    "NotIsuBal": "R2",
    "RemRepPrd": "D1 R1 R4 R2",
    "OverdPrd": "D1 R1 R4 R2",
    "TotOverd": "D1 R1 R4 R2",
    "OverdPrinc": "D1 R1 R4",
    "Oved31_60Princ": "D1 R1 R4",
    "Oved61_90Princ": "D1 R1 R4",
    "Oved91_180Princ": "D1 R1 R4",
    "OvedPrinc180": "D1 R1 R4",
    "OvedrawBaOve180": "R3",
    "CurRpyAmt": "D1 R1 R4 R2",
}


def of_record(record: Record) -> Iterator[Message]:
    """Check one record against itself; its elements have passed their own checks."""
    yield from _segments(record)
    terms, month = record.segments.get("C"), record.segments.get("H")
    if terms is not None:
        yield from _presence(record, terms, _TYPES_OF_C)
        yield from _terms(record, terms)
    if month is not None and record.base["AcctType"] != "C1":
        yield from _presence(record, month, _TYPES_OF_H)
    for performance in (month, record.segments.get("J")):
        if performance is not None:
            yield from _status(record, performance)
    if month is not None:
        yield from _month(record, month)
        yield from _closing(record, month)
    yield from _dates(record)


def first_report_segments(record: Record) -> str:
    """Letters of the segments that a first report carries besides B (2.3, 2.7)."""
    kind = record.base["AcctType"]
    if kind == "C1":
        return "C"
    terms = record.segments.get("C", {})
    needs_agreement = (
        kind in ("R1", "R3", "R4")
        or (kind == "R2" and terms.get("BusiDtlLines") != "82")
        or (kind == "D1" and terms.get("Flag", "") not in ("", "0"))
    )
    return "CFH" if needs_agreement else "CH"


def _segments(record: Record) -> Iterator[Message]:
    kind, code = record.base["AcctType"], record.code
    if code in FIRST_CODES:
        needed = first_report_segments(record)
    elif code == "40":
        needed = "J"
    else:
        needed = "" if kind == "C1" else "H"
    missing = [letter for letter in needed if letter not in record.segments]
    if missing:
        text = f"code {code} also needs segment {', '.join(missing)}"
        yield Message(_MISSING_CODE[code], NO_TAG, text)
    if kind == "C1" and code in ("30", "31", "32"):  # V03
        text = "a collection account has no month settlement"
        yield Message(_MISSING_CODE[code], "RptDateCode", text)
    if kind == "R3" and code == "40":  # V04
        yield Message("BLR008", "RptDateCode", "code 40 is not open to this account type")
    present = [letter for letter in _FORBIDDEN[code] if letter in record.segments]
    if code in FIRST_CODES and kind == "D1" and "F" in record.segments and needed == "CH":  # V09
        present.append("F")
    if present:
        text = f"code {code} must not carry segment {', '.join(present)}"
        yield Message(_FORBIDDEN_CODE[code], NO_TAG, text)


def _presence(record: Record, values: Values, types: dict[str, str]) -> Iterator[Message]:
    kind = record.base["AcctType"]
    for tag, kinds in types.items():
        if (kind in kinds.split()) != bool(values[tag]):
            word = "missing for" if kind in kinds.split() else "not open to"
            yield Message("BLD000", tag, f"the element is {word} account type {kind}")


def _terms(record: Record, terms: Values) -> Iterator[Message]:
    kind, mode = record.base["AcctType"], terms["RepayMode"]
    is_fitting = mode in _MODES_BY_TYPE.get(kind, codes.REPAYMENT_MODES)
    if not is_fitting or (kind in ("D1", "R4") and mode in codes.REVOLVING_MODES):
        yield Message("BLE029", "RepayMode", "the mode does not fit the account type")
    if mode == "90" and terms["RepayFreqcy"] != "03":
        yield Message("BLE028", "RepayFreqcy", "mode 90 is monthly")
    if mode.startswith("2") and int(terms["RepayPrd"] or 0) != 0:
        yield Message("BLE038", "RepayPrd", "a single repayment has no periods")
    if terms["DueDate"] and terms["OpenDate"] > terms["DueDate"]:
        yield Message("BLE009", "OpenDate", "the open date is after the due date")


def _status(record: Record, performance: Values) -> Iterator[Message]:
    if performance["AcctStatus"] not in codes.ACCOUNT_STATUSES[record.base["AcctType"]]:
        yield Message("ABE001", "AcctStatus", "not in the code list of the account type")


def _month(record: Record, month: Values) -> Iterator[Message]:
    periods, total = int(month["OverdPrd"] or 0), int(month["TotOverd"] or 0)
    is_overdue = periods != 0 or total != 0
    status = month["RpyStatus"]
    if month["SettDate"][:7] != month["Month"]:
        yield Message("BLE012", "SettDate", "the settlement date is not in the month")
    if status == "*" and (is_overdue or int(month["CurRpyAmt"] or 0) != 0):
        yield Message("BLE015", "RpyStatus", "status * has something due or overdue")
    if status in ("N", "M") and is_overdue:
        yield Message("BLE017", "RpyStatus", "status N or M has something overdue")
    if status in "1234567" and (periods == 0 or total == 0):
        yield Message("BLE019", "RpyStatus", "an overdue status has nothing overdue")
    if int(month["OverdPrinc"] or 0) > total:
        yield Message("BLE020", "OverdPrinc", "overdue principal exceeds overdue total")
    terms = record.segments.get("C")
    dates = (month["SettDate"], month["FiveCateAdjDate"], month["LatRpyDate"])
    if terms is not None and terms["OpenDate"] > min(dates):
        yield Message("BLE005", "OpenDate", "the open date is after another business date")


def _closing(record: Record, month: Values) -> Iterator[Message]:
    is_closed = month["AcctStatus"] == codes.CLOSED_STATUS[record.base["AcctType"]]
    closed_on = month["CloseDate"]
    if is_closed and any(int(month[tag] or 0) for tag in ("AcctBal", "TotOverd", "OverdPrd")):
        yield Message("BLE026", "AcctStatus", "a closed account has a balance or is overdue")
    if is_closed and not closed_on:
        yield Message("BLE001", "CloseDate", "a closed account has no close date")
    if closed_on and not is_closed:
        yield Message("BLE004", "CloseDate", "an open account has a close date")
    dates = (month["SettDate"], month["FiveCateAdjDate"], month["LatRpyDate"])
    if closed_on and closed_on < max(dates):
        yield Message("BLE011", "CloseDate", "the close date is before another business date")
    if is_closed != (month["RpyStatus"] in ("C", "G")):
        yield Message("BLE030", "RpyStatus", "closed goes together with status C or G")
    if is_closed != (record.code in CLOSING_CODES):
        yield Message("BLE037", "RptDateCode", "codes 20 and 32 go together with closed")


def _dates(record: Record) -> Iterator[Message]:
    """ABE007: no business date is after the report date (V35)."""
    of_performance = ("SettDate", "FiveCateAdjDate", "LatRpyDate", "CloseDate")
    tags = {"C": ("OpenDate",), "H": of_performance, "J": of_performance[1:]}
    groups = [
        (record.segments[letter], names)
        for letter, names in tags.items()
        if letter in record.segments
    ]
    groups += [(item, ("TranDate",)) for item in record.items.get("K", ())]
    for values, names in groups:
        for tag in names:
            if values[tag] > record.report_date:
                yield Message("ABE007", tag, "the report date is before this date")
