"""One view of the published database, to be made over tables of a few rows."""

from pathlib import Path

from reporting.store import published_database

SCRIPT = Path(published_database.__file__).with_name("submission_views.sql")


def statement_of(view: str) -> str:
    """The statement that creates a view; braces in it stand for published tables."""
    statements = SCRIPT.read_text(encoding="utf-8").split(";\n")
    (found,) = [one for one in statements if f"create view marts.{view} as" in one]
    return found
