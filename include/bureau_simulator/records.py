"""From one line to a record: XML, layout, and the checks of single elements (ABR006, ABE)."""

from dataclasses import dataclass
from xml.etree import ElementTree

from bureau_simulator.elements import Element
from bureau_simulator.messages import NO_TAG, Message
from bureau_simulator.shapes import Layout, Segment

Values = dict[str, str]


@dataclass
class Record:
    """A record whose XML follows its layout. An element that is missing reads as empty."""

    layout: Layout
    base: Values  # of the base segment, which stands among the segments too
    segments: dict[str, Values]  # by key of the segment
    items: dict[str, list[Values]]  # of segments with a list

    @property
    def key(self) -> tuple[str, ...]:
        """What the record is about; together with ``report_date`` it is unique."""
        return tuple(self.base[tag] for tag in self.layout.key)

    @property
    def report_date(self) -> str:
        """As-of date of the facts."""
        return self.base["RptDate"]

    @property
    def code(self) -> str:
        """Why the record is reported: RptDateCode."""
        return self.base["RptDateCode"]


class Unreadable(Exception):
    """The line is not a record of the layout; ``message`` is the answer."""

    def __init__(self, text: str, tag: str = NO_TAG) -> None:
        """Keep the answer, code ABR006."""
        super().__init__(text)
        self.message = Message("ABR006", tag, text)


def parse(layout: Layout, line: str) -> Record:
    """Read one line. Segments and elements must be known, single and in their order.

    Raises Unreadable.
    """
    if "<!" in line or "<?" in line:  # also keeps entity declarations away from the parser
        raise Unreadable("the record has a declaration, comment or instruction")
    try:
        document = ElementTree.fromstring(line)  # noqa: S314 - nothing to expand, see above
    except ElementTree.ParseError as error:
        raise Unreadable("the record is not well-formed XML") from error
    roots = _children(document, "Document")
    if len(roots) != 1:
        raise Unreadable(f"the record is not one {layout.root}")
    segments: dict[str, Values] = {}
    items: dict[str, list[Values]] = {}
    expected = list(layout.segments)
    for child in _children(roots[0], layout.root):
        segment = _next(expected, child.tag)
        segments[segment.key], listed = _segment(segment, child)
        if segment.item:
            items[segment.key] = listed
    base = segments.get(layout.base.key)
    if base is None:
        raise Unreadable("the base segment is missing", layout.base.tag)
    return Record(layout, base, segments, items)


def element_faults(record: Record) -> list[Message]:
    """Check every element for itself: presence, type, code list, range, count of a list."""
    faults = []
    for segment in record.layout.segments:
        values = record.segments.get(segment.key)
        if values is None:
            continue
        faults += _faults(segment.elements, values)
        items = record.items.get(segment.key, [])
        for item in items:
            faults += _faults(segment.item, item)
        if segment.count and values[segment.count] != str(len(items)):
            faults.append(Message("ABE010", segment.count, "the count of the list is wrong"))
    return faults


def _faults(elements: tuple[Element, ...], values: Values) -> list[Message]:
    faults = []
    for element in elements:
        fault = element.fault(values[element.tag])
        if fault is not None:
            faults.append(Message(fault.code, element.tag, fault.text))
    return faults


def _segment(segment: Segment, node: ElementTree.Element) -> tuple[Values, list[Values]]:
    children = _children(node, segment.tag)
    if not segment.item:
        return _values(segment.elements, children), []
    single = [child for child in children if child.tag != segment.item_tag]
    if children[: len(single)] != single:
        raise Unreadable("an element follows the list that it should precede", segment.tag)
    items = [_children(child, segment.item_tag) for child in children[len(single) :]]
    return _values(segment.elements, single), [_values(segment.item, item) for item in items]


def _values(elements: tuple[Element, ...], children: list[ElementTree.Element]) -> Values:
    values = dict.fromkeys((element.tag for element in elements), "")
    position = {element.tag: number for number, element in enumerate(elements)}
    last = -1
    for child in children:
        number = position.get(child.tag, -1)
        if number <= last:
            raise Unreadable("unknown, doubled or misplaced element", _safe(child.tag))
        if len(child) or child.attrib or (child.tail or "").strip():
            raise Unreadable("an element holds more than a value", child.tag)
        values[child.tag] = child.text or ""
        last = number
    return values


def _next(expected: list[Segment], tag: str) -> Segment:
    """Take segments off the list up to the one with the tag."""
    while expected:
        segment = expected.pop(0)
        if segment.tag == tag:
            return segment
    raise Unreadable("unknown, doubled or misplaced segment", _safe(tag))


def _children(node: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    """Return the child elements of a node that must have the tag and hold nothing else."""
    if node.tag != tag:
        raise Unreadable(f"element {tag} expected", _safe(node.tag))
    between = (node.text, *(child.tail for child in node))
    if node.attrib or any((text or "").strip() for text in between):
        raise Unreadable("text or attributes where only elements stand", tag)
    return list(node)


def _safe(tag: str) -> str:
    """Return a tag as it may stand in an answer; a strange one is not repeated."""
    return tag if tag.isascii() and tag.isidentifier() else NO_TAG
