"""What Airflow shows of a task besides its log: its docstring, its owner, where to look up checks.

The DAG's file is read every half minute, so the steps' docstrings are read without importing the
steps, which would take seconds.
"""

import ast
import os
from functools import cache
from pathlib import Path

STEPS = Path(__file__).with_name("steps.py")
# Who acts first when a step fails; a failed check alerts its own owner, whatever the step.
OWNERS = {
    "land": "data_delivery",
    "check_landing": "data_delivery",
    "build_marts": "pipeline",
    "check_marts": "pipeline",
    "build_records": "pipeline",
    "check_records": "compliance",
    "publish": "pipeline",
}


def shown(step: str) -> dict[str, str]:
    """The documentation and the owner of a step's task, as arguments of its operator."""
    words = _docstrings()[step]
    if step.startswith("check_"):
        words += (
            "\n\nA failed check has an owner of its own, who is alerted. "
            f"Each check, its owner and what to do: {_document('checks.md')}."
        )
    return {"doc_md": words, "owner": OWNERS[step]}


@cache
def _docstrings() -> dict[str, str]:
    tree = ast.parse(STEPS.read_text(encoding="utf-8"))
    functions = (one for one in tree.body if isinstance(one, ast.FunctionDef))
    return {one.name: ast.get_docstring(one) or "" for one in functions}


def _document(name: str) -> str:
    """A page of ``docs/``: a link where REPORTING_DOCS_URL says where people see it."""
    where = os.environ.get("REPORTING_DOCS_URL", "").rstrip("/")
    return f"[{name}]({where}/{name})" if where else f"`docs/{name}`"
