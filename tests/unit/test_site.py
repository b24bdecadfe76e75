"""The site's words and drawings: both languages say the same, and a drawing adds up."""

import re
from itertools import pairwise
from string import Formatter

import pytest

from reporting.core.seeds import code_words, reasons
from reporting.pages import plots, site, words
from reporting.statement.language import Language
from reporting.statement.language import Words as StatementWords


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_phrase_has_both_languages_with_the_same_values() -> None:
    for key, phrase in site.phrases().items():
        assert set(phrase) == {"en", "zh"}, key
        assert names_in(phrase["en"]) == names_in(phrase["zh"]), key
        assert not re.search(r"[\u4e00-\u9fff]", phrase["en"]) or key == "language", key


def test_every_phrase_that_a_page_names_is_there_and_every_one_is_used() -> None:
    sources = [*site.HERE.glob("*.py"), *(site.HERE / "templates").glob("*.html")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r"""\b(?:t|phrase)\(\s*"([^"~]+)"[,)]""", text))
    assert named <= set(site.phrases())
    families = set(re.findall(r"""["']([a-z_]+)\.["'] ~""", text)) | {"owner", "alert", "item"}
    unused = {
        key for key in site.phrases() if key not in text and key.partition(".")[0] not in families
    }
    assert unused == set()


@pytest.mark.parametrize(
    ("family", "codes"),
    [
        ("state", ["built", "stopped", "approved", "declined", "released", "answered"]),
        ("verdict", ["built", "stopped", "approved", "declined", "released", "answered"]),
        ("next", ["built", "stopped", "approved", "declined"]),
        ("bucket", list(plots.BUCKETS)),
        ("step", ["accounts", "ledger", "marts", "records", "file", "answered", "held"]),
        ("file", ["BUILT", "RELEASED", "DELIVERED", "ANSWERED", "REFUSED"]),
        ("severity", ["critical", "warning", "info"]),
        ("owner", ["data_delivery", "compliance", "pipeline"]),
    ],
)
def test_every_code_of_a_family_has_its_phrase(family: str, codes: list[str]) -> None:
    assert {f"{family}.{code}" for code in codes} <= set(site.phrases())


def test_every_status_and_cause_is_said_as_the_seeds_say_it() -> None:
    """One source: the statement, the explanation and the pages use the same words."""
    for language, zh in ((Language.EN, False), (Language.ZH, True)):
        said = StatementWords(language)
        for status in plots.STATUSES:
            own = words.status(status)
            assert (own.zh if zh else own.en) == said.of_code("repayment_status", status)
        for cause in code_words("pending_cause"):
            own = words.cause(cause)
            assert (own.zh if zh else own.en) == said.of_cause(cause)
    assert words.cause("IDENTITY_INVALID") == words.reason("IDENTITY_INVALID")


def test_only_the_bureau_rejects_and_what_is_withheld_has_one_word() -> None:
    for key, phrase in site.phrases().items():
        assert "拒绝" not in phrase["zh"], key
        assert "暂不报送" not in phrase["zh"], key
        if "declin" in phrase["en"].lower():
            assert "退回" not in phrase["zh"], key


def test_a_bar_has_no_gap_and_shows_what_is_rare() -> None:
    numbers = {"REPORTED": 1_000_000, "UNDERAGE": 1, "NOT_AUTHORIZED": 0, "NOTICE_PENDING": 999}
    parts = plots.bar(numbers, plots.colours_of(list(numbers)), 1000, sum(numbers.values()))
    assert [part.name for part in parts] == ["REPORTED", "UNDERAGE", "NOTICE_PENDING"]
    assert all(part.width >= 1 for part in parts)
    for left, right in pairwise(parts):
        assert left.left + left.width == right.left


@pytest.mark.parametrize(
    "numbers",
    [
        [1_000_000, 1, 1, 1],
        [1, 1, 1_000_000],
        [1000, 1000, 1, 1, 1],
        [0, 7],
        [1],
        [],
    ],
)
@pytest.mark.parametrize("width", [5, 300, 1000])
def test_a_bar_ends_at_its_width(numbers: list[int], width: int) -> None:
    named = {str(place): number for place, number in enumerate(numbers)}
    parts = plots.bar(named, {}, width, sum(numbers) or 1)
    assert sum(part.width for part in parts) == (width if any(numbers) else 0)
    assert all(part.width >= 1 for part in parts)
    assert [part.left + part.width for part in parts[:-1]] == [part.left for part in parts[1:]]
    half = plots.bar(named, {}, width, 2 * sum(numbers) or 1)
    assert sum(part.width for part in half) == (max(len(half), width // 2) if any(numbers) else 0)


def test_every_reason_has_a_colour_of_its_own() -> None:
    colours = plots.colours_of(list(reasons()))
    assert len(set(colours.values())) == len(colours)
    assert plots.UNKNOWN_COLOUR not in colours.values()


def test_the_matrix_says_who_is_worse_and_who_is_cured() -> None:
    counts = {
        ("N", "N"): 90,
        ("N", "1"): 10,
        ("1", "2"): 3,
        ("1", "M"): 5,
        ("2", "C"): 2,
        ("B", "B"): 4,
        ("", "*"): 7,
        ("C", ""): 6,
    }
    drawn = plots.matrix(counts)
    assert drawn.rows == ["N", "1", "2", "B", "C", ""]
    assert drawn.columns == ["*", "N", "M", "1", "2", "B", "C", ""]
    assert (drawn.worse, drawn.open_before) == (13, 108)
    assert (drawn.cured, drawn.overdue_before) == (5, 8)
    kinds = {
        (drawn.rows[one.row], drawn.columns[one.column]): (one.kind, one.shade)
        for one in drawn.squares
    }
    assert kinds["N", "N"] == ("same", 5)
    assert kinds["N", "1"] == ("worse", 1)
    assert kinds["1", "M"] == ("better", 4)
    assert kinds["2", "C"] == ("same", 5)
