"""How the layout of a record is described."""

from collections.abc import Iterator
from dataclasses import dataclass

from bureau_simulator.elements import Element


@dataclass(frozen=True)
class Segment:
    """One segment. ``item`` holds the elements of a repeated part, ``count`` its number."""

    tag: str
    key: str  # the letter of a 210, else the tag
    elements: tuple[Element, ...]
    item_tag: str = ""
    item: tuple[Element, ...] = ()
    count: str = ""


@dataclass(frozen=True)
class Layout:
    """One record type: its root, its segments in order, the tags that identify a record."""

    record_type: str
    root: str
    segments: tuple[Segment, ...]
    key: tuple[str, ...]  # of the base segment; together with RptDate unique

    @property
    def base(self) -> Segment:
        """The base segment, which every record has."""
        return self.segments[0]

    def tags(self, key: str) -> Iterator[str]:
        """Yield the tags of one segment, in their order."""
        segment = next(one for one in self.segments if one.key == key)
        return (element.tag for element in segment.elements)
