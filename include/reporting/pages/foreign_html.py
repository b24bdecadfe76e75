"""Great Expectations' pages without what they load from other servers, and without dead controls.

The pages are read by Python's own HTML parser. What is kept stays as it was written; comments go.
"""

from html.parser import HTMLParser

VOID = {"link", "img"}  # elements that have no end
REMOTE = {"script", "style", "footer"}  # and those below are gone with all that they hold
BUTTONS = "card mb-3"  # the class of the box of buttons, which do nothing without scripts
DEAD = "/expectations/"  # pages of suites, which are not written


def made_local(html: str, style: str) -> str:
    """The page without remote parts, with a style of its own at the end of its head."""
    parser = _Local(style)
    parser.feed(html)
    parser.close()
    return "".join(parser.kept)


class _Local(HTMLParser):
    """Keeps the text of a page as it is read, except elements that are dropped."""

    def __init__(self, style: str) -> None:
        super().__init__(convert_charrefs=False)
        self.style = style
        self.kept: list[str] = []
        self.dropping = ""  # the tag of the element that is dropped now
        self.depth = 0  # how many of that tag are open
        self.links: list[bool] = []  # of each open link, whether its tags are kept

    def keep(self, text: str) -> None:
        """Keep a text unless it stands in an element that is dropped."""
        if not self.dropping:
            self.kept.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element's start, or begin to drop the element."""
        values = dict(attrs)
        if self.dropping:
            self.depth += tag == self.dropping
        elif tag in REMOTE or (tag == "div" and values.get("class") == BUTTONS):
            self.dropping, self.depth = tag, 1
        elif tag == "a":
            self.links.append(DEAD not in (values.get("href") or ""))
            self.keep(self._written() if self.links[-1] else "")
        elif tag not in VOID:
            self.keep(self._written())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As HTML has it, a slash at its end does not end an element."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Keep an element's end, or end to drop the element."""
        if self.dropping:
            self.depth -= tag == self.dropping
            if not self.depth:
                self.dropping = ""
        elif tag == "a":
            self.keep("</a>" if self.links and self.links.pop() else "")
        else:
            self.keep(f"{self.style}</head>" if tag == "head" else f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.keep(data)

    def handle_entityref(self, name: str) -> None:
        """Keep a character by name."""
        self.keep(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Keep a character by number."""
        self.keep(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        """Keep the document's type."""
        self.keep(f"<!{decl}>")

    def _written(self) -> str:
        return self.get_starttag_text() or ""
