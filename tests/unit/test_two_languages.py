"""What a customer reads stands in the seeds in English and in Chinese, and says the same."""

import re

import pytest

from reporting.core.seeds import SEEDS, seed_rows

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
