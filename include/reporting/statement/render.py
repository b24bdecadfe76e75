"""A statement as text, as a printable page, or as JSON: the same content in three forms."""

import json
from dataclasses import asdict
from enum import StrEnum
from functools import lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from reporting.core.settings import Settings
from reporting.statement.compose import Document, document_of
from reporting.statement.facts import statement_of
from reporting.statement.language import HERE, Language


class Form(StrEnum):
    """A form of a statement."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"


def render_statement(
    subject: str, month: str | None, language: Language, form: Form, settings: Settings
) -> str:
    """The statement for a customer, or for the customer of an account; see ``statement_of``."""
    return render(document_of(statement_of(subject, month, settings), language), form)


def render(document: Document, form: Form) -> str:
    """A statement in a form."""
    if form is Form.JSON:
        return json.dumps(asdict(document), ensure_ascii=False, default=str) + "\n"
    name = "statement.html" if form is Form.HTML else "statement.txt"
    return _templates().get_template(name).render(asdict(document))


@lru_cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
