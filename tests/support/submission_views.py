"""Views of the published database, to be made over tables of a few rows."""

from pathlib import Path

from reporting.store import published_database

SCRIPT = Path(published_database.__file__).with_name("submission_views.sql")
REJECTED = ("submission.rejected_records_now", "submission.rejected_records")


def statements_of(*relations: str) -> str:
    """The statements that create relations; braces in them stand for published tables."""
    statements = SCRIPT.read_text(encoding="utf-8").split(";\n")
    found = [one for name in relations for one in statements if f" {name} as\n" in one]
    assert len(found) == len(relations)
    return ";\n".join(found)
