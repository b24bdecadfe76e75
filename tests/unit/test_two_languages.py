"""What customers and officers read stands in English and in Chinese, and says the same."""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from reporting.alerts import bureau_answers
from reporting.checks import guide
from reporting.checks.effects import effects
from reporting.checks.gx import load_suite
from reporting.checks.results import LAYERS
from reporting.core.seeds import SEEDS, seed_rows
from reporting.core.settings import EXPECTATIONS
from reporting.monitoring import feed_metrics, submission_watch, watch
from reporting.pages import words
from reporting.pages.site import Words, phrases
from reporting.records.rules import RECORD_NAMES, load_rules

CHINESE = re.compile("[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"\{\w+\}")
# Read by staff and analysts alone, so in English.
FOR_STAFF = {"product_policy", "batch_bounds", "limit_bands", "score_bands"}
SEED_NAMES = sorted(path.stem for path in SEEDS.glob("*.csv"))


@pytest.mark.parametrize("seed", sorted(set(SEED_NAMES) - FOR_STAFF))
def test_every_code_of_a_seed_has_its_words_in_both_languages(seed: str) -> None:
    rows = seed_rows(seed)
    pairs = [(name.removesuffix("_zh"), name) for name in rows[0] if name.endswith("_zh")]
    assert rows
    assert pairs, "no column of words in Chinese"
    for row in rows:
        for english, chinese in pairs:
            assert row[english].strip(), (row, english)
            assert not CHINESE.search(row[english]), (row, english)
            assert CHINESE.search(row[chinese]), (row, chinese)
            assert sorted(PLACEHOLDER.findall(row[english])) == sorted(
                PLACEHOLDER.findall(row[chinese])
            )


@pytest.mark.parametrize("seed", sorted(FOR_STAFF))
def test_a_seed_for_staff_has_no_words_in_chinese(seed: str) -> None:
    assert not [name for name in seed_rows(seed)[0] if name.endswith("_zh")]


def test_every_product_and_document_of_the_policy_has_a_name() -> None:
    policy = seed_rows("product_policy")
    assert {row["product_code"] for row in policy} <= {
        row["product"] for row in seed_rows("product_names")
    }
    assert {row["document_code"] for row in policy} <= {
        row["document_code"] for row in seed_rows("consent_texts")
    }


# The same in both languages: names in braces, commands, files and columns, codes, numbers, signs.
CODE = re.compile(
    r"\{\w+\}|`[^`]+`|[\w*<>-]*(?:[_/.][\w*<>]+)+"
    r"|[A-Z]+[0-9]+|[A-Z]{2,}(?:-[0-9]+)?|[0-9]+|[+%]",
    re.ASCII,
)
IN_WORDS = {"ID"}  # a word of English, no code
SEGMENT = re.compile(r"(?<![A-Za-z0-9'])[B-Z](?![A-Za-z0-9'])")
Pair = tuple[str, str]


def as_pairs(one: Any, *fields: str) -> dict[str, Pair]:
    return {field: (getattr(one, field), getattr(one, f"{field}_zh")) for field in fields}


GUIDE = {
    f"{one.check} {field}": pair
    for one in guide.load()
    for field, pair in as_pairs(one, "hurts", "do").items()
}
RULES = {
    f"{one.id} {field}": pair
    for one in load_rules()
    for field, pair in as_pairs(one, "sentence", "why", "usual_cause").items()
}
EFFECTS = {table: (words["en"], words["zh"]) for table, words in effects().items()}
CHECKS = {
    check.meta["id"]: check.description
    for layer in LAYERS
    for path in sorted((EXPECTATIONS / layer).glob("*.py"))
    for check in load_suite(path).EXPECTATIONS
    if check.meta["id"].removeprefix("bureau.") not in {rule.id for rule in load_rules()}
}
WATCHED = {f"watch.feed.{figure}": words for figure, words in feed_metrics.MEANINGS.items()}
ALONE = {
    **{name: meaning for name, (_, meaning) in watch.DEADLINES.items()},
    watch.RUN_ENDED: watch.RUN_MEANING,
    **submission_watch.MEANINGS,
    **bureau_answers.MEANINGS,
}
DESCRIBED = {
    check: (words, guide.description_zh(check))
    for check, words in {**CHECKS, **WATCHED, **ALONE}.items()
}


def codes(text: str) -> set[str]:
    return set(CODE.findall(text)) - IN_WORDS


@pytest.mark.parametrize(
    "pairs", [GUIDE, RULES, EFFECTS, DESCRIBED], ids=["guide", "rules", "effects", "checks"]
)
def test_a_check_and_a_rule_say_the_same_in_both_languages(pairs: dict[str, Pair]) -> None:
    assert pairs
    for name, (english, chinese) in pairs.items():
        assert english.strip(), name
        assert not CHINESE.search(english), name
        assert CHINESE.search(chinese), name
        assert codes(english) == codes(chinese), name
        assert set(SEGMENT.findall(english)) == set(SEGMENT.findall(chinese)), name


def test_every_chinese_description_is_of_a_check() -> None:
    for pattern in guide.descriptions_zh():
        assert any(fnmatchcase(check, pattern) for check in DESCRIBED), pattern


def test_the_rules_page_names_the_records_as_the_registry_does() -> None:
    named = {record: phrases()[f"record.{record}"]["en"] for record in RECORD_NAMES}
    assert named == RECORD_NAMES


def test_a_check_that_is_no_longer_evaluated_keeps_its_english_description() -> None:
    assert words.check("landing.gone.for_good", "It was so.") == Words("It was so.")
    assert words.check("bureau.V29", "As published.").en == "As published."
    assert CHINESE.search(words.check("bureau.V29", "As published.").zh)
