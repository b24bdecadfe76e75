"""How every page is written: one template language, one style sheet, two languages.

A page stands twice in its folder, ``index.html`` in English and ``index.zh.html`` in Chinese, and
each leads to the other. No page has a script or loads anything from another place; the same
published tables give the same bytes.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from reporting.core import atomic
from reporting.core.config_files import read_yaml
from reporting.core.settings import Settings

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

HERE = Path(__file__).parent
PHRASES = HERE / "phrases.yml"
STYLE = HERE / "style.css"

Phrase = Callable[..., str]
Contents = Callable[[Phrase], Mapping[str, Any]]


@dataclass(frozen=True)
class Words:
    """A text in English and, where somebody has translated it, in Chinese."""

    en: str
    zh: str = ""


@lru_cache
def phrases() -> dict[str, dict[str, str]]:
    """The pages' own words by key and language."""
    read: dict[str, dict[str, str]] = read_yaml(PHRASES)
    return read


def phrase_in(language: Language) -> Phrase:
    """A function that gives a phrase in a language, with values in the place of its names."""

    def phrase(key: str, /, **values: Any) -> str:
        shown = {name: _shown(value) for name, value in values.items()}
        return phrases()[key][language].format(**shown)

    return phrase


def known_or(phrase: Phrase, kind: str, code: str) -> str:
    """A code in the pages' own words, or itself where no phrase describes it."""
    key = f"{kind}.{code}"
    return phrase(key) if key in phrases() else code


def page_in(language: Language, page: Path) -> Path:
    """The file of a page in a language."""
    return page if language == "en" else page.with_name(f"{page.stem}.{language}.html")


def write_page(settings: Settings, page: Path, template: str, contents: Contents) -> Path:
    """Write a page in both languages, and the style sheet; each file aside first.

    ``contents`` gives what the template shows; it is called once per language with its phrases.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    style = settings.pages / STYLE.name
    if not style.is_file() or style.read_bytes() != STYLE.read_bytes():
        _replace(style, STYLE.read_text(encoding="utf-8"))
    for language in LANGUAGES:
        phrase = phrase_in(language)
        other = next(one for one in LANGUAGES if one != language)

        def link(target: Path, language: Language = language) -> str:
            """A relative link, which also works in a copy of the folder."""
            there = page_in(language, target) if target.name == page.name else target
            return quote(os.path.relpath(there, page.parent))

        html = (
            _environment()
            .get_template(template)
            .render(
                **contents(phrase),
                t=phrase,
                language=language,
                link=link,
                pages=settings.pages,
                other=other,
                other_page=page_in(other, page).name,
            )
        )
        _replace(page_in(language, page), html)
    return page


def _replace(file: Path, text: str) -> None:
    with atomic.replaced(file) as aside:
        aside.write_text(text, encoding="utf-8")


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": _shown,
        "say": _say,
        "lang": _lang,
        "anchor": _anchor,
        "signed": _signed,
        "percent": _percent,
    }
    return environment


def _shown(value: Any) -> str:
    """A number with thousands separated, a moment to the minute, a day as it is."""
    match value:
        case bool() | str():
            return str(value)
        case int():
            return f"{value:,}"
        case float() | Decimal():
            return f"{value:,.2f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return f"{value:%Y-%m-%d}"
        case _:
            return str(value)


@pass_context
def _say(context: Context, words: Words) -> str:
    """A text in the page's language, else in English, marked as such."""
    if context["language"] == "en":
        return words.en
    if words.zh:
        return words.zh
    return Markup('<span lang="en">{}</span>').format(escape(words.en))


@pass_context
def _lang(context: Context, words: Words) -> str:
    """The language in which a text is shown."""
    return "zh-CN" if context["language"] == "zh" and words.zh else "en"


def _anchor(text: str) -> str:
    """A name as it stands in a link within a page."""
    return quote(text, safe="")


def _signed(number: int | Decimal) -> str:
    """A change or a difference with its sign, as a minus that is as wide as a plus."""
    sign = "+" if number > 0 else "\N{MINUS SIGN}" if number < 0 else ""
    return sign + _shown(abs(number))


def _percent(part: int, whole: int) -> str:
    """A share with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
