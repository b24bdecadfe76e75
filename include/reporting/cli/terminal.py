"""Terminal output of the commands: control characters in data are shown as escapes."""

import os
import re
from collections.abc import Iterable
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table

# Control characters beside tab and line end (ESC moves the cursor, paints, or renames the window),
# and those that turn the direction of writing.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

WIDE = 1000  # columns where the output is no terminal; rich's own 80 would break names of files


def shown(text: str) -> str:
    """A text whose control characters stand as escapes, such as ``\\x1b``."""
    return OBEYED.sub(lambda found: ascii(found.group())[1:-1], text)


def plain_table(*headings: str, title: str | None = None) -> Table:
    """A table without lines; where the terminal is narrow, a long word is broken and never cut."""
    columns = (Column(heading, overflow="fold") for heading in headings)
    return Table(*columns, box=None, title=title, title_justify="left")


def keep_whole(column: Column) -> None:
    """Let no cell of a column that is filled be broken, however narrow the terminal is."""
    column.min_width = max((cell_len(str(cell)) for cell in column.cells), default=None)


class SafeConsole(Console):
    """A console that shows the control characters of what it prints, and cuts no line.

    Where it writes into a file or pipe, a row of a table stands in one line. A table is laid out
    before it is printed, so apply ``shown`` to its cells first: otherwise the escapes need more
    room than the cell has.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of rich's console; without a terminal it is WIDE."""
        super().__init__(**options)
        if not self.is_terminal and "width" not in options and "COLUMNS" not in os.environ:
            self.width = WIDE

    def print(self, *objects: Any, crop: bool = False, **options: Any) -> None:
        """Print; a terminal continues a line that is too long below it."""
        super().print(*objects, crop=crop, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render every segment; rich's own control segments are not changed."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else Segment(shown(piece.text), piece.style)
