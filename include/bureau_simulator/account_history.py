"""Rules for record 210 against what is stored (V10, V11, V45, V46, V51, V59, V68)."""

from collections.abc import Iterator

from bureau_simulator.account_rules import CLOSING_CODES, FIRST_CODES, first_report_segments
from bureau_simulator.messages import Message
from bureau_simulator.records import Record
from bureau_simulator.state import State


def against_state(record: Record, state: State) -> Iterator[Message]:
    """Check one record against the stored account, its agreement and its person."""
    code, date = record.base["AcctCode"], record.report_date
    stored = state.account(code)
    if stored is None or date < stored["FirstRptDate"]:
        yield from _first(record)
    if stored is not None and stored["AcctType"] != record.base["AcctType"]:
        yield Message("BLR019", "AcctType", "the account type has changed")
    closed_on = state.closed_on(code)
    if closed_on and date > closed_on:
        yield Message("BLR020", "AcctCode", "the account has been closed")
    if record.code in CLOSING_CODES and date < state.newest_report_date(record):
        yield Message("BLR021", "RptDate", "a closing record is older than a stored record")
    month = record.segments.get("H")
    if month is not None and not state.has_record(record) and state.has_month(code, month["Month"]):
        yield Message("ABR004", "Month", "the month of this account is stored")
    agreement = record.segments.get("F", {}).get("Mcc")
    if agreement and not state.knows_agreement(agreement):
        yield Message("BLR900", "Mcc", "the agreement is unknown")
    if not state.knows_person(record):
        yield Message("BLR901", "IDNum", "the person is unknown")


def _first(record: Record) -> Iterator[Message]:
    """V51: codes 10 and 31, or a complete closing record."""
    if record.code in FIRST_CODES:
        return  # the segments of these codes have been checked already
    missing = [letter for letter in first_report_segments(record) if letter not in record.segments]
    if record.code not in CLOSING_CODES or missing:
        yield Message("BLR004", "RptDateCode", "the account has not been reported before")
