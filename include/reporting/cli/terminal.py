"""The terminal as commands write to it: what comes from data is shown and never obeyed."""

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters beside tab and line end (ESC moves the cursor, paints, or renames the window),
# and those that turn the direction of writing.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """A text whose control characters stand as escapes, such as ``\\x1b``."""
    return OBEYED.sub(lambda found: ascii(found.group())[1:-1], text)


class SafeConsole(Console):
    """A console that shows the control characters of what it prints.

    A cell of a table is laid out before it is printed: there ``shown`` comes first, else the
    escapes take more room than the cell has.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Every piece of a text; those by which rich itself moves the cursor stay as they are."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else Segment(shown(piece.text), piece.style)
