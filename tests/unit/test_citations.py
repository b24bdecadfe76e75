"""Every citation of the specification and every link between pages leads to what it names."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from reporting.core.raw_contract import RawTable, control_totals, raw_contract
from reporting.core.settings import PROJECT_ROOT, Settings
from reporting.store.published import TABLES

DOCS = PROJECT_ROOT / "docs"
PAGES = {
    "contracts": DOCS / "spec" / "contracts.md",
    "bureau interface": DOCS / "spec" / "bureau_interface.md",
    "life cycle": DOCS / "spec" / "lifecycle.md",
    "architecture": DOCS / "architecture.md",
}
READ = (".py", ".sql", ".yml", ".csv", ".md", ".html")
FOLDERS = (
    "include",
    "dbt_project",
    "expectations",
    "tests",
    "benchmarks",
    "dags",
    "plugins",
    "docs",
)
MADE = {"target", "dbt_packages", "logs", "__pycache__", "node_modules"}  # by a tool, not by us

# `contracts, section 2`, `contracts, sections 3 (held) and 5`, `bureau interface, 2.1 to 2.6`,
# `life cycle, section 8.3`, `lifecycle 12`
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
REMARK = r"(?:\s*\([^()]*\))?"
CITED = re.compile(
    rf"\b(?P<page>contracts|(?:bureau[ -])?interface|life ?cycle|architecture)"
    rf"(?:,?\s+sections?\s+|,?\s+|,\s*)"
    rf"(?P<sections>{NUMBER}(?![0-9.]*[0-9A-Za-z%]){REMARK}"
    rf"(?:(?:,\s*(?:and\s+)?|\s+(?:and|to)\s+){NUMBER}(?![0-9.]*[0-9A-Za-z%]){REMARK})*)"
    rf"(?:,\s+rules?\s+(?P<rules>[0-9]+(?:(?:,\s*|\s+(?:and|to)\s+)[0-9]+)*))?",
    re.IGNORECASE,
)
LINE_START = re.compile(r"\n[ \t]*(?:--|#|//)?[ \t]*")  # a citation may run over a line's end
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
RULES = {("contracts", "2"): re.compile(r"^([0-9]+)\. ", re.MULTILINE)}  # the replay's are numbered


def files() -> Iterator[Path]:
    """Every file that may cite, but for this one, whose examples are made up."""
    yield PROJECT_ROOT / "README.md"
    for folder in FOLDERS:
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            if path.suffix in READ and not MADE.intersection(path.parts) and path != Path(__file__):
                yield path


def pages() -> list[Path]:
    """The pages whose links are followed."""
    return [PROJECT_ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def citations(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Page, section and rules of each citation in a text."""
    for found in CITED.finditer(LINE_START.sub(" ", text)):
        page = found["page"].lower().replace("-", " ")
        page = {"interface": "bureau interface", "lifecycle": "life cycle"}.get(page, page)
        rules = re.findall("[0-9]+", found["rules"] or "")
        for section in re.findall(NUMBER, re.sub(r"\([^()]*\)", "", found["sections"])):
            yield page, section, rules


def sections_of(page: Path) -> dict[str, str]:
    """The numbered sections of a page and their texts; none where there is no such page."""
    if not page.is_file():
        return {}
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    parts = re.split(rf"^#{{2,4}} +({NUMBER})\.? ", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def unresolved(cited: Iterable[tuple[str, str, list[str]]]) -> list[str]:
    """The citations, in words, that lead to no heading or no rule."""
    faults = []
    for page, section, rules in cited:
        sections = sections_of(PAGES[page])
        if section not in sections:
            faults.append(f"{page}, section {section}")
        elif pattern := RULES.get((page, section)):
            known = set(pattern.findall(sections[section]))
            faults += [
                f"{page}, section {section}, rule {one}" for one in rules if one not in known
            ]
        elif rules:
            faults.append(f"{page}, section {section}, has no rules")
    return faults


def anchors(page: Path) -> set[str]:
    """The anchors of a page: its headings as GitHub names them, and those written as HTML."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    named = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in HEADING.findall(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        times = found[anchor] = found.get(anchor, -1) + 1
        named.add(f"{anchor}-{times}" if times else anchor)
    return named


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file, or to no heading of it."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    faults = []
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        if not aim.exists() or (anchor and (aim.suffix != ".md" or anchor not in anchors(aim))):
            faults.append(target)
    return faults


def test_every_citation_leads_to_a_heading_of_the_specification() -> None:
    faults = {
        str(path.relative_to(PROJECT_ROOT)): found
        for path in files()
        if (found := unresolved(citations(path.read_text(encoding="utf-8"))))
    }
    assert faults == {}


def test_citations_outside_of_the_package_are_spelt_in_one_way() -> None:
    other = re.compile(
        r"bureau-interface\b|\b(contracts|bureau interface|life ?cycle),?\s+[0-9]"
        r"|\bcontracts\.md\s+[0-9]",
        re.I,
    )
    found = {
        str(path.relative_to(PROJECT_ROOT))
        for path in files()
        if path.relative_to(PROJECT_ROOT).parts[0] != "include"
        and other.search(LINE_START.sub(" ", path.read_text(encoding="utf-8")))
    }
    assert found == set()


@pytest.mark.parametrize("page", ["contracts", "bureau interface", "life cycle"])
def test_a_page_of_the_specification_is_cited_and_has_each_number_once(page: str) -> None:
    text = FENCED.sub("", PAGES[page].read_text(encoding="utf-8"))
    numbers = re.findall(rf"^#{{2,4}} +({NUMBER})\.? ", text, flags=re.MULTILINE)
    assert len(numbers) == len(set(numbers))
    cited = (one for path in files() for one in citations(path.read_text(encoding="utf-8")))
    assert any(name == page for name, *_ in cited)


def test_the_rules_of_the_replay_are_numbered_without_a_gap() -> None:
    section = sections_of(PAGES["contracts"])["2"]
    assert RULES["contracts", "2"].findall(section) == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(contracts, section 2, rules 3 to 5): the", [("contracts", "2", ["3", "5"])]),
        (
            "contracts, sections 3 (held months) and 5.",
            [("contracts", "3", []), ("contracts", "5", [])],
        ),
        ("of the row (contracts,\n-- section 4). The", [("contracts", "4", [])]),
        ("contracts 1 and 3, ours", [("contracts", "1", []), ("contracts", "3", [])]),
        ("is no text (contracts, 1).", [("contracts", "1", [])]),
        ("(bureau interface, 2.6 and 3.8).", [("bureau interface", n, []) for n in ("2.6", "3.8")]),
        ("bureau-interface 6.2 to 6.5: the", [("bureau interface", n, []) for n in ("6.2", "6.5")]),
        ("in the form of interface 1.3", [("bureau interface", "1.3", [])]),
        (
            "(life cycle,\n# sections 3.3 and 6).",
            [("life cycle", "3.3", []), ("life cycle", "6", [])],
        ),
        ("(lifecycle 8.1, 12)", [("life cycle", "8.1", []), ("life cycle", "12", [])]),
        ("architecture, section 7", [("architecture", "7", [])]),
        ("the contracts of 2023, 3 contracts", []),
        ("two contracts 20% dearer, contracts 3rd", []),
    ],
)
def test_a_citation_is_recognized_in_each_of_its_spellings(
    text: str, found: list[tuple[str, str, list[str]]]
) -> None:
    assert list(citations(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "contracts, section 9",
        "contracts, section 2, rule 11",
        "contracts, section 3, rule 1",
        "bureau interface, section 3.11",
        "bureau interface, section 5",
        "life cycle, section 8.9",
    ],
)
def test_a_citation_of_what_is_not_there_is_seen(text: str) -> None:
    assert unresolved(citations(text))


@pytest.mark.parametrize(
    "table", [*raw_contract(), control_totals()], ids=lambda table: str(table.name)
)
def test_the_contracts_hold_each_raw_table_as_the_program_reads_it(table: RawTable) -> None:
    text = PAGES["contracts"].read_text(encoding="utf-8")
    part = text.split(f"\n#### {table.name}\n")[1].split("\n##")[0]
    stated = {
        name: (kind, optional == "")
        for names, kind in re.findall(r"^\| (`.*?) \| ([a-z0-9(),]+) \|", part, re.MULTILINE)
        for name, optional in re.findall(r"`([a-z0-9_]+)`(\??)", names)
    }
    read = {
        column.name: (column.type.lower(), column.is_required)
        for column in table.columns
        if column.name != "recorded_at"  # said once for every table
    }
    assert stated == read


def test_the_contracts_name_every_published_table_and_setting() -> None:
    sections = sections_of(PAGES["contracts"])
    assert [table for table in TABLES if f"marts.{table}" not in sections["4"]] == []
    settings = [f"REPORTING_{name.upper()}" for name in Settings.model_fields]
    assert [name for name in settings if f"`{name}`" not in sections["6"]] == []


def test_every_relative_link_leads_to_a_file_and_to_its_heading() -> None:
    faults = {str(page.relative_to(PROJECT_ROOT)): broken_links(page) for page in pages()}
    assert {page: found for page, found in faults.items() if found} == {}


def test_a_link_to_nothing_is_seen(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# A title, twice\n\n# A title, twice\n", encoding="utf-8")
    page.write_text(
        "[a](other.md) [b](other.md#a-title-twice-1) [c](https://example.org/x) `[d](gone.md)`\n"
        "[e](gone.md) [f](other.md#no-heading) [g](#nor-here)\n",
        encoding="utf-8",
    )
    assert broken_links(page) == ["gone.md", "other.md#no-heading", "#nor-here"]
