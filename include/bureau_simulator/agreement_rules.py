"""Rules for record 220 (bureau-interface 2.8; V56 to V58)."""

from collections.abc import Iterator

from bureau_simulator.messages import NO_TAG, Message
from bureau_simulator.records import Record
from bureau_simulator.state import State


def of_record(record: Record) -> Iterator[Message]:
    """Check one record against itself."""
    limit = record.segments.get("CreditLimSgmt")
    if limit is None:
        yield Message("BCR000", NO_TAG, "the segment of the credit limit is missing")
        return
    if limit["ConEffDate"] > limit["ConExpDate"]:
        yield Message("BCE000", "ConEffDate", "the effective date is after the expiry date")
    if record.report_date < limit["ConEffDate"]:
        yield Message("ABE007", "ConEffDate", "the report date is before the effective date")
    if bool(limit["CreditRest"]) != bool(limit["CreditRestCode"]):
        yield Message("BCE004", "CreditRest", "sub-limit and its number come together")


def against_state(record: Record, state: State) -> Iterator[Message]:
    """Check one record against the stored agreement."""
    ended = state.ended_agreement(record.base["ContractCode"])
    if ended and record.report_date > ended:
        yield Message("BCR001", "ContractCode", "the agreement has ended")
