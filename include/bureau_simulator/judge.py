"""Judge and enter the records of one file (lifecycle 12)."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bureau_simulator import account_history, account_rules, agreement_rules, person_rules
from bureau_simulator import codes as code_lists
from bureau_simulator.apply import enter
from bureau_simulator.files import FileName, Submission
from bureau_simulator.layouts import ACCOUNT, AGREEMENT, BY_TYPE, PERSON
from bureau_simulator.messages import NO_TAG, Message
from bureau_simulator.records import Record, Unreadable, element_faults, parse
from bureau_simulator.state import State

_OF_RECORD = {
    PERSON.record_type: person_rules.of_record,
    AGREEMENT.record_type: agreement_rules.of_record,
    ACCOUNT.record_type: account_rules.of_record,
}
_AGAINST_STATE = {
    PERSON.record_type: person_rules.against_state,
    AGREEMENT.record_type: agreement_rules.against_state,
    ACCOUNT.record_type: account_history.against_state,
}
_INSTITUTION_TAGS = ("AcctCode", "ContractCode")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643
_CHECK_DIGITS = "10X98765432"


@dataclass
class Judged:
    """One line with what was found; ``record`` is missing where the line is unreadable."""

    line: int  # counted from 1
    text: str
    record: Record | None = None
    messages: list[Message] = field(default_factory=list)


@dataclass
class Wish:
    """Reject so many good records with a code: a test's wish, used up over several files."""

    code: str
    left: int


def judge(submission: Submission) -> list[Judged]:
    """Check every record without the state: readable, elements, rules inside a record, doubles.

    Holds the whole file in memory.
    """
    judged = [
        _judge_line(number, text, submission.name)
        for number, text in enumerate(submission.lines, start=1)
    ]
    keys = Counter((one.record.key, one.record.report_date) for one in judged if one.record)
    for one in judged:
        # No one can tell which of them is right, so none is taken.
        if one.record and keys[one.record.key, one.record.report_date] > 1:
            one.messages.append(Message("ABR002", NO_TAG, "the key stands twice in the file"))
    return judged


def enter_file(
    state: State,
    judged: Sequence[Judged],
    file_id: int,
    wishes: Sequence[Wish],
    dice: random.Random,
) -> dict[int, list[Message]]:
    """Enter the good records of a file and return the messages by line.

    A sample of the records that would be accepted is rejected as wished, before anything is
    entered; records that depend on them then fail by themselves. The caller holds the
    transaction.
    """
    state.sql.execute("savepoint before_file")
    found = _enter_good(state, judged, file_id, {})
    good = [one.line for one in judged if one.line not in found]
    wanted = _draw(wishes, good, dice)
    if wanted:
        state.sql.execute("rollback to before_file")
        found = _enter_good(state, judged, file_id, wanted)
    state.sql.execute("release before_file")
    return found


def _judge_line(number: int, text: str, name: FileName) -> Judged:
    layout = BY_TYPE[name.record_type]
    try:
        record = parse(layout, text)
    except Unreadable as error:
        return Judged(number, text, messages=[error.message])
    messages = element_faults(record)
    if not messages:  # the rules compare values, so these must have their form
        messages += _general(record, name)
        messages += _OF_RECORD[name.record_type](record)
    return Judged(number, text, record, messages)


def _general(record: Record, name: FileName) -> Iterator[Message]:
    """Check what any record has: report date, institution, number of the resident ID."""
    if record.report_date > name.created:
        yield Message("ABR001", "RptDate", "the report date is after the creation of the file")
    for values in record.segments.values():
        for tag in (*_INSTITUTION_TAGS, "Mcc"):
            if tag in values and not values[tag].startswith(name.org):
                yield Message("ABE002", tag, "the code belongs to another institution")
    if record.base["IDType"] == code_lists.RESIDENT_ID and not _is_resident_id(
        record.base["IDNum"]
    ):
        yield Message("ABE001", "IDNum", "not the number of a resident ID card")


def _is_resident_id(number: str) -> bool:
    body, check = number[:17], number[17:]
    if len(body) != len(_WEIGHTS) or not body.isdigit() or body.startswith("0"):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return check == _CHECK_DIGITS[total % 11]


def _enter_good(
    state: State, judged: Sequence[Judged], file_id: int, wanted: dict[int, Message]
) -> dict[int, list[Message]]:
    """Enter by report date, then line: the order of lines inside a file has no meaning."""
    found: dict[int, list[Message]] = {}
    for one in sorted(judged, key=lambda one: one.record.report_date if one.record else ""):
        messages = one.messages or _against_state(state, one.record)
        if one.line in wanted:
            messages = [wanted[one.line]]
        if messages:
            found[one.line] = messages
        elif one.record is not None:
            enter(state, one.record, file_id, one.line)
    return found


def _against_state(state: State, record: Record | None) -> list[Message]:
    if record is None:
        return []
    if state.has_record(record):
        return [Message("ABR004", NO_TAG, "the key is stored")]
    return list(_AGAINST_STATE[record.layout.record_type](record, state))


def _draw(wishes: Sequence[Wish], good: list[int], dice: random.Random) -> dict[int, Message]:
    """Take from the good lines what is still wished for."""
    wanted: dict[int, Message] = {}
    for wish in wishes:
        free = [line for line in good if line not in wanted]
        lines = dice.sample(free, min(wish.left, len(free)))
        wish.left -= len(lines)
        for line in lines:
            wanted[line] = Message(wish.code, NO_TAG, "rejected by request")
    return wanted
