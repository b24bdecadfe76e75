"""Planted defects are found by the rules that ought to see them, and nothing else is."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
from support.benchmark_modules import benchmark_module
from support.lender_months import build, settings_in

from reporting.checks import waivers
from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records.earlier_months import create_history
from reporting.store.build_store import open_store
from reporting.store.month_order import chain
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import BureauFacts
from reporting.synthetic.defects import CLASSES, load_classes, planted
from reporting.synthetic.lender import generate

LAST, BEFORE = "2026-05", "2026-04"
ACCOUNTS, BOOK_MONTHS, SEED = 3400, 5, 93


@pytest.fixture(scope="module")
def findings() -> ModuleType:
    """The benchmark's own reading of what a month found."""
    return benchmark_module("quality_findings")


@dataclass(frozen=True)
class Spoilt:
    """A month of a book with everything planted in it."""

    dirty: Settings
    journal: Path

    def run(self) -> Run:
        return Run.of(LAST, None, self.dirty)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Spoilt:
    folder = tmp_path_factory.mktemp("defects")
    dirty, journal = settings_in(folder), folder / "journal.csv"
    generate(Path(dirty.landing), ACCOUNTS, BOOK_MONTHS, SEED, journal=journal)
    build(dirty, LAST)
    return Spoilt(dirty, journal)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same month of the same book with nothing planted in it."""
    settings = settings_in(tmp_path_factory.mktemp("clean"))
    generate(Path(settings.landing), ACCOUNTS, BOOK_MONTHS, SEED)
    build(settings, LAST)
    return settings


@pytest.mark.nightly
def test_every_planted_row_is_found_by_its_rule_and_nothing_else_is(
    spoilt: Spoilt, clean: Settings, findings: ModuleType
) -> None:
    planted = findings.planted_in(spoilt.journal)
    before = findings.found_in(spoilt.run(), clean)
    after = findings.found_in(spoilt.run(), spoilt.dirty)
    score = findings.score_rows(planted, before, after)

    missed = {name: counts for name, counts in score["classes"].items() if len(set(counts)) > 1}
    assert missed == {}
    assert score["false"] == []
    assert score["silently_clean"] == 0
    assert sum(number for _, number in score["classes"].values()) > 500
    assert len(score["classes"]) > 120
    asked = {one.id for one in load_classes() if one.kind in ("row", "key")}
    assert asked <= {line["defect"] for line in planted}  # a class that plants nothing asks nothing


def test_who_may_have_withdrawn_or_been_moved_is_not_reported(
    spoilt: Spoilt, findings: ModuleType
) -> None:
    states = findings.found_in(spoilt.run(), spoilt.dirty).states
    planted = [
        line
        for line in findings.planted_in(spoilt.journal)
        if line["defect"].startswith("consents.withdrawn_")
        or line["defect"] == "transactions.account_in_small_letters"
        or line["rule"] == "KEY_CHANGES_SUBJECT"
    ]
    assert len({line["defect"] for line in planted}) == 12
    with open_store(spoilt.run(), spoilt.dirty) as store:
        withdrawn = store.execute(  # of the product that the event names
            "select distinct accounts.account_id from raw.consents as events "
            "inner join raw.accounts as accounts using (product_code) "
            "where accounts.customer_id in (upper(events.customer_id), "
            "translate(events.customer_id, ?, 'C0123456789')) "
            "and (events.document_code = 'CREDIT_REPORTING_AUTHORIZATION' "
            "or events.document_code = lower(events.document_code)) "  # may be any document
            "and events.consent_event_id in (select unnest(?))",
            [
                "".join(chr(ord(sign) + 0xFEE0) for sign in "C0123456789"),
                [line["row_key"] for line in planted if line["table_name"] == "consents"],
            ],
        ).fetchall()
    waiting = {account for (account,) in withdrawn} | {line["account_id"] for line in planted}
    assert len(withdrawn) >= 8
    assert [one for one in sorted(waiting) if "BUILT" in states.get(one, set())] == []


@pytest.mark.nightly
def test_a_row_that_was_not_planted_is_noticed_by_the_scoring(
    spoilt: Spoilt, clean: Settings, findings: ModuleType
) -> None:
    planted = findings.planted_in(spoilt.journal)
    before = findings.found_in(spoilt.run(), clean)
    after = findings.found_in(spoilt.run(), spoilt.dirty)
    kept = [line for line in planted if line["defect"] != "bills.fee_negative"]
    assert any(
        "FEE_DUE_NEGATIVE" in found for found in findings.score_rows(kept, before, after)["false"]
    )
    other = [
        line | {"rule": "AMOUNT_TOO_LARGE"} for line in planted if line["rule"] == "SCORE_MISSING"
    ]
    assert (
        findings.score_rows(other, before, after)["classes"]["internal_scores.score_missing"][0]
        == 0
    )


def test_each_delivered_row_has_one_place_in_every_feed(spoilt: Spoilt) -> None:
    with open_published(spoilt.dirty) as published:
        rows = published.execute(
            "select table_name, delivered, good + duplicates + superseded + after_cut_off"
            " + quarantined, least(good, duplicates, superseded, after_cut_off, quarantined)"
            " from marts.feed_counts"
        ).fetchall()
        listed = dict(
            published.execute(
                "select table_name, count(distinct (row_key, recorded_at))"
                " from marts.quarantined_rows group by all"
            ).fetchall()
        )
    assert len(rows) == 9
    for table, delivered, placed, least in rows:
        assert delivered == placed, table
        assert least >= 0, table
        assert listed[table] > 0, table


def test_the_same_call_plants_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, 400, 3, 5, journal=tmp_path / f"{name}.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert any(path.suffix == ".csv" for path in files)
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_the_classes_are_many_and_of_every_kind() -> None:
    kinds = Counter(one.kind for one in load_classes())
    assert sum(kinds.values()) >= 190
    assert min(kinds[kind] for kind in ("row", "key", "delivery", "statistics")) >= 20
    assert len({one.id for one in load_classes()}) == sum(kinds.values())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"defects": ["bills.none_in_the_month"]}, "--defects FILE"),
        (
            {"defects": ["bills.tidy"], "journal": Path("j.csv")},
            f"no class of defects; see {CLASSES}",
        ),
        ({"journal": Path("journal.txt")}, "end its name in .csv"),
    ],
)
def test_a_wrong_call_is_named(tmp_path: Path, arguments: dict[str, object], told: str) -> None:
    with pytest.raises(BadCall, match=told):
        generate(tmp_path / "landing", 50, 3, 5, **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "landing").exists()


def unusual_for_june(settings: Settings) -> list[tuple[str, str]]:
    """The figures of earlier months that June is not measured by."""
    june = Run.of("2026-06", None, settings)
    with duckdb.connect() as store:
        create_history(store, june, chain(june, settings), settings, BureauFacts())
        return store.execute("select figure, scope from history.unusual_figures").fetchall()


@pytest.mark.nightly
def test_half_a_month_warns_and_its_waiver_holds_for_that_month_alone(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    generate(
        Path(settings.landing),
        *(2000, 6, SEED),
        journal=tmp_path / "journal.csv",
        defects=["transactions.half_month"],
    )
    assert planted(tmp_path / "journal.csv").startswith("Planted: 1 defects of 1 classes, listed")
    lender = build(settings, LAST)

    def found() -> dict[str, object]:
        rows = lender.rows("data_quality_results", LAST)
        return next(row for row in rows if row["check_id"] == "batch.feed_rows")

    first = found()
    assert (first["passed"], first["is_waived"], first["rows_failing"]) == (False, False, 1)
    assert str(first["example_keys"]).startswith("['transactions|2026-05-01|")
    figure = next(
        row
        for row in lender.rows("batch_figures", LAST)
        if (row["figure"], row["scope"]) == ("feed_rows", "transactions")
    )
    assert figure["value"] < figure["allowed_from"] <= figure["least"]

    measured = ("feed_rows", "transactions")
    assert measured in unusual_for_june(settings)  # so June is not measured by May
    waivers.waive(
        "batch.feed_rows", LAST, "Li Na", "strike of the couriers", "2026-07-31", settings
    )
    build(settings, LAST)
    assert found()["waiver_note"] == "waived by Li Na until 2026-07-31: strike of the couriers"
    assert found()["is_waived"] is True
    assert measured not in unusual_for_june(settings)
    for wrong in (
        ("batch.feed_amount", LAST, "Li Na", "x", "2026-07-31"),  # it passed
        ("batch.feed_rows", BEFORE, "Li Na", "x", "2026-07-31"),  # not built
        ("batch.feed_rows", LAST, " ", "x", "2026-07-31"),
        ("batch.feed_rows", LAST, "Li Na", "x", "soon"),
        ("batch.feed_rows", LAST, "Li Na", "x", "2026-01-01"),
    ):
        with pytest.raises(BadCall):
            waivers.waive(*wrong, settings)
