"""The page of the benchmarks is what its raw results say: how fast each peer is, and how right."""

import json
from types import ModuleType
from typing import Any

import pytest
from support.benchmark_modules import benchmark_module

from reporting.core.settings import PROJECT_ROOT

SAME = {"V14": 2, "V18": 5}
ABOUT = {"measured_on": "2026-01-01", "scale": 1, "machine": {"system": "one"}}


@pytest.fixture(scope="module")
def page() -> ModuleType:
    return benchmark_module("page")


def run_of(**figures: Any) -> list[dict[str, Any]]:
    return [{"peak_bytes": 1024**3, **figures}]


def line_of(page: ModuleType, name: str, **rows: Any) -> str:
    """The last line of a peer in the page of these rows."""
    measured = {row: ABOUT | figures for row, figures in rows.items()}
    text: str = page.render({"rows": measured, "versions": {}})
    return [line for line in text.splitlines() if line.startswith(f"| `{name}` | ")][-1]


def test_the_page_is_rendered_from_the_results_that_are_kept(page: ModuleType) -> None:
    results = (PROJECT_ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8")
    kept = (PROJECT_ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page.render(json.loads(results)) == kept


def test_a_status_is_right_where_no_account_differs_from_the_mart(page: ModuleType) -> None:
    figures = {"runs": run_of(seconds=2.0), "accounts": 9000, "other_status": 0, "other_amount": 0}
    ours, amounts = figures | {"runs": run_of(seconds=4.0)}, figures | {"other_amount": 7}
    right = line_of(page, "status_duckdb", status_dbt=ours, status_duckdb=figures)
    assert "| 2.0 s | 0.50 |" in right and "| right: " in right and "all 9,000 accounts" in right
    wrong = line_of(page, "status_polars", status_polars=amounts)
    assert "| wrong: " in wrong and "other days or amount in 7 " in wrong


def test_rows_of_two_machines_are_not_compared(page: ModuleType) -> None:
    figures = {"runs": run_of(seconds=2.0), "accounts": 9000, "other_status": 0, "other_amount": 0}
    elsewhere = figures | {"machine": {"system": "another"}}
    line = line_of(page, "status_duckdb", status_dbt=figures, status_duckdb=elsewhere)
    assert "| 2.0 s |  |" in line and line.endswith("| 2026-01-01, 1, machine 2 |")
    runs = run_of(seconds=40.0)
    many = {"program": runs, "machine": {"system": "another"}}
    line = line_of(page, "month_4m", month_1m={"floor": runs, "program": runs}, month_4m=many)
    assert "| 40.0 s |  |" in line and "month_1m is missing on its machine" in line


def test_a_later_month_is_held_against_its_floor_and_the_first(page: ModuleType) -> None:
    first, floor, program = (run_of(seconds=seconds) for seconds in (60.0, 16.0, 21.0))
    text = page.render(
        {
            "rows": {"later_month": ABOUT | {"first": first, "floor": floor, "program": program}},
            "versions": {},
        }
    )
    assert "| 1.5 x its floor | 21.0 s | 1.31 | 1.0 GB | met |" in text
    assert "| 21.0 s against 60.0 s | 0.35 | 1.0 GB | **missed** |" in text


def test_a_writer_is_right_where_no_line_differs_from_what_is_sent(page: ModuleType) -> None:
    runs = run_of(seconds=1.0, bytes=50_000_000, records=40)
    right = line_of(page, "writer_lxml", writer_lxml={"runs": runs, "lines": 41, "other_lines": 0})
    assert "| 50 MB/s |" in right and "| right: all 41 lines" in right
    wrong = line_of(page, "writer_lxml", writer_lxml={"runs": runs, "lines": 41, "other_lines": 3})
    assert "| wrong: 3 of 41 lines differ" in wrong


@pytest.mark.parametrize(
    ("found", "verdict"),
    [(SAME, "| right: as many"), ({"V14": 2, "V18": 4, "V30": 1}, "| wrong: ")],
)
def test_rules_are_right_where_each_counts_as_many_records_as_ours(
    page: ModuleType, found: dict[str, int], verdict: str
) -> None:
    seconds = {"seconds_without_hits": 1.0, "seconds_with_hits": 2.0}
    peer = {
        "runs": run_of(records=10, rules=3, by_rule=found, **seconds),
        "ours": {"rules": 3, "broken": 5, "by_rule": SAME},
    }
    line = line_of(page, "rules_expectations", rules_expectations=peer)
    assert verdict in line
    assert ("under V18, V30" in line) == (found != SAME)


@pytest.mark.parametrize(("seconds", "verdict"), [(12.0, "met"), (14.0, "**missed**")])
def test_our_models_on_spark_are_measured_beside_the_hand(
    page: ModuleType, seconds: float, verdict: str
) -> None:
    right = {"other_status": 0, "other_amount": 0}
    hand, models = run_of(seconds=10.0, **right), run_of(seconds=seconds, **right)
    line = line_of(page, "status_spark", status_spark={"by_hand": hand, "by_models": models})
    assert f"| {seconds:.1f} s | {seconds / 10:.2f} | 1.0 GB | {verdict} |" in line
    wrong = run_of(seconds=seconds, other_status=0, other_amount=3)
    found = {"by_hand": hand, "by_models": [*models, *wrong]}
    line = line_of(page, "status_spark", status_spark=found)
    assert "**wrong**: status of 0, days or amount of 3 accounts" in line


@pytest.mark.parametrize(("gigabytes", "verdict"), [(9, "met"), (11, "**missed**")])
def test_ten_books_must_fit_into_the_memory(page: ModuleType, gigabytes: int, verdict: str) -> None:
    runs = [{"seconds": 3000.0, "peak_bytes": gigabytes * 1024**3}]
    line = line_of(page, "month_10m", month_10m={"first": runs, "second": runs})
    assert f"| 3000 s |  | {gigabytes}.0 GB | {verdict} |" in line
