"""Where submission folders and the oracle differ, in lines that a person can read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from .submission_reader import BASE_TAGS, CODE_TAGS, Record, read_month
from .submissions import Key, RunOutcome

TYPES = ("110", "210", "220")
MOST_LINES = 60


def label(record_type: str, record: Record) -> str:
    """Who a record is about, and its report date."""
    base = record[BASE_TAGS[record_type]]
    who = base[CODE_TAGS[record_type]] if record_type in CODE_TAGS else base["Name"], base["IDNum"]
    return f"{record_type} {' '.join(who)} of {base['RptDate']}"


def tags(record: Record) -> Iterator[tuple[str, Any]]:
    """Segment.Tag and value; a segment that is there at all also by its own name."""
    for segment, values in record.items():
        yield segment, "present"
        for tag, value in values.items():
            yield f"{segment}.{tag}", value


def record_differences(expected: Record, found: Record) -> Iterator[tuple[str, object, object]]:
    """Every tag in which two records differ; of a segment that only one has, its name alone."""
    one, other = dict(tags(expected)), dict(tags(found))
    for name in [*one, *(name for name in other if name not in one)]:
        segment = name.split(".")[0]
        is_whole = name == segment
        if one.get(name) != other.get(name) and (is_whole or (segment in one and segment in other)):
            yield name, one.get(name, "nothing"), other.get(name, "nothing")


def list_differences(
    record_type: str, expected: Sequence[Record], found: Sequence[Record]
) -> Iterator[tuple[str, str]]:
    """Kind of difference and sentence, for one institution's records of one type."""
    wanted = {label(record_type, record): record for record in expected}
    there = {label(record_type, record): record for record in found}
    for name in wanted.keys() - there.keys():
        yield f"{record_type} missing", f"{name}: expected, not in the file"
    for name in there.keys() - wanted.keys():
        yield f"{record_type} too many", f"{name}: in the file, not expected"
    for name in wanted.keys() & there.keys():
        for tag, one, other in record_differences(wanted[name], there[name]):
            yield f"{record_type} {tag}", f"{name}: {tag}: expected {one!r}, found {other!r}"
    if list(wanted) != list(there) and wanted.keys() == there.keys():
        yield f"{record_type} order", f"{record_type}: the lines stand in another order"


def differences(
    home: Path, outcomes: Iterable[RunOutcome], withheld: Sequence[AbstractSet[Key]]
) -> list[tuple[str, str]]:
    """Every difference of every run's folders, as kind and sentence."""
    found = []
    for number, outcome in enumerate(outcomes):
        month = outcome.run.label
        folders = read_month(home, month)
        for reporter in sorted(folders.keys() | outcome.reporters):
            for record_type in TYPES:
                there = folders[reporter].records(record_type) if reporter in folders else []
                wanted = [
                    built.record
                    for built in outcome.of_type(reporter, record_type)
                    if built.key not in withheld[number]
                ]
                found += [
                    (kind, f"{month} {reporter} {sentence}")
                    for kind, sentence in list_differences(record_type, wanted, there)
                ]
    return found


def told(found: Sequence[tuple[str, str]]) -> str:
    """The differences for whoever reads the failure: how many of each kind, then line by line."""
    kinds = Counter(kind for kind, _ in found)
    lines = sorted(sentence for _, sentence in found)
    counted = [f"{count} x {kind}" for kind, count in kinds.most_common()]
    more = [f"... and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([f"{len(found)} differences", *counted, *lines[:MOST_LINES], *more])
