"""The page of the duties is complete: each of the 32 once, and every test it names exists."""

import ast
import re

from reporting.core.settings import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "duties.md"
ROW = re.compile(r"^\| (REQ-\d\d) \|(.*)\|$", re.M)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions(file: str) -> dict[str, str]:
    """The tests of a file with their docstrings."""
    tree = ast.parse((PROJECT_ROOT / file).read_text(encoding="utf-8"))
    return {
        node.name: ast.get_docstring(node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_each_duty_stands_once_with_its_test_or_its_reason() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [duty for duty, _ in rows] == [f"REQ-{number:02d}" for number in range(1, 33)]
    for duty, text in rows:
        named = NAMED.findall(text)
        assert bool(named) != ("Out of scope: " in text), duty
        for file, name in named:
            assert name in functions(file), f"{duty}: {file}::{name}"
        own = [functions(file)[name] for file, name in named if "/duties/" in file]
        assert all(duty in docstring for docstring in own), duty


def test_each_test_of_a_duty_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path in (PROJECT_ROOT / "tests" / "duties").glob("test_*.py"):
        file = str(path.relative_to(PROJECT_ROOT))
        for name, docstring in functions(file).items():
            for duty in re.findall(r"REQ-\d\d", docstring):
                row = next(text for found, text in ROW.findall(page) if found == duty)
                assert (file, name) in NAMED.findall(row), f"{duty}: {file}::{name}"
