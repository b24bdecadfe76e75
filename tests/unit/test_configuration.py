"""Seeds and configuration: every fault is named at once, before a run does anything else."""

import re
import shutil
from datetime import date, datetime
from pathlib import Path

import pytest

import reporting.core.seeds
from reporting.alerts.alert import FEEDBACK
from reporting.checks import guide
from reporting.cli import reference_docs
from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.monitoring import configuration, submission_watch, watch
from reporting.pipeline import steps
from reporting.store import published


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the seeds that is read in their place."""
    copy = tmp_path / "seeds"
    shutil.copytree(DBT_PROJECT / "seeds", copy)
    monkeypatch.setattr(reporting.core.seeds, "SEEDS", copy)
    return copy


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"))


def faults(settings: Settings) -> list[str]:
    with pytest.raises(BadCall) as caught:
        configuration.require_fit(settings)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_seeds_and_configuration_are_whole_and_each_seed_has_its_form(settings: Settings) -> None:
    configuration.require_fit(settings)
    assert set(configuration.FORMS) == {
        path.stem for path in reporting.core.seeds.SEEDS.glob("*.csv")
    }


@pytest.mark.parametrize(
    ("seed", "old", "new", "named"),
    [
        ("reporters", "500103", "500103,more", "line 2: has 5 fields instead of 4"),
        ("reporters", ",500103", "", "line 2: has 3 fields instead of 4"),
        (
            "reporters",
            "name_zh,district",
            "name_zh",
            "line 1: must be the header reporter_code,name,",
        ),
        ("reporters", "500103", "5001", "line 2, column district"),
        ("reporters", "N101W1100H0025", "N101W1100H0017", "line 3, column reporter_code: stands"),
        ("reporters", "N101W1100H0025", "n101w1100h0025", "line 3, column reporter_code"),
        ("consent_texts", "149161fa", "xyz161fa", "line 2, column document_sha256"),
        ("consent_texts", "_AUTHORIZATION,v2", "_AUTHORIZATION,v1", "line 6, column document_code"),
        ("notice_texts", "2000-01-01", "1 January 2000", "line 2, column used_from"),
        ("notice_texts", "2000-01-01", "", "line 2, column used_from: is empty"),
        ("row_rules", "The row has no key.", "", "line 3, column sentence: is empty"),
        ("row_rules", "The row has no key.", "A|", "is no CSV"),
        ("reasons", "2,CLOSED", "two,CLOSED", "line 3, column position: must be a whole number"),
        ("product_policy", "HUABEI,R1", "HUABEI,R2", "line 2, column account_type"),
        ("batch_bounds", "ratio,0.8,1.25", "ratio,a,1.25", "line 2, column lowest"),
        ("batch_bounds", "ratio,0.8,1.25", "ratio,8,1.25", "line 2, column highest: lies below"),
        ("batch_bounds", "ratio,0.8,1.25", "share,0.8,1.25", "line 2, column compare"),
        ("codes_sex", "1,male", "one,male", "line 3, column code"),
        ("codes_sex", "2,female,女\n", "2,female,女\n\n", "line 5: has 0 fields"),
        ("limit_bands", "1000,5000,", "2000,5000,", "line 4, column from_limit: leaves a gap"),
        ("limit_bands", "1000,5000,", "900,5000,", "line 4, column from_limit: leaves a gap"),
        ("limit_bands", "1000,5000,", "1000,,", "line 4, column below_limit: is empty"),
        ("limit_bands", "0,0.01,0", "5,0.01,0", "line 2, column from_limit"),
        ("score_bands", "700,,", "700,900,", "line 6, column below_score: the last band"),
        ("score_bands", ",550,", "0,550,", "line 2, column from_score"),
        ("score_bands", "700,,", "701,,", "line 6, column from_score: leaves a gap"),
        ("repayment_statuses", "31,60", "32,60", "line 3, column from_days: leaves a gap"),
        ("repayment_statuses", "31,60", "30,60", "line 3, column from_days: leaves a gap"),
        ("repayment_statuses", "31,60", "31,20", "line 3, column to_days: lies before from_days"),
        ("repayment_statuses", "31,60,2", "31,60,8", "line 3, column repayment_status"),
        ("five_tier_classes", "361,9999999", "361,720", "line 6, column to_days: the last band"),
        ("five_tier_classes", "0,0,1,normal,正常\n", "", "line 2, column from_days: leaves a gap"),
    ],
)
def test_a_wrong_seed_is_named_with_file_line_and_column(
    seeds: Path, settings: Settings, seed: str, old: str, new: str, named: str
) -> None:
    path = seeds / f"{seed}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, '"' if new == "A|" else new, 1), encoding="utf-8")
    found = faults(settings)
    assert all(str(path) in line for line in found)
    assert any(named in line for line in found), found


def test_every_fault_is_named_at_once_and_no_month_is_begun(
    seeds: Path, settings: Settings
) -> None:
    (seeds / "codes_sex.csv").write_text(
        "code,label,label_zh\n1,,男\n1x2,male,男\n", encoding="utf-8"
    )
    (seeds / "reporters.csv").unlink()
    (seeds / "score_bands.csv").write_text("from_score,below_score,score_band\n", encoding="utf-8")
    found = faults(settings)
    assert [Path(line.partition(".csv")[0]).name for line in found] == [
        *("reporters", "score_bands", "codes_sex", "codes_sex")
    ]
    with pytest.raises(BadCall, match="codes_sex"):
        steps.run_month(Run.of("2026-05", None, settings), settings)
    assert not Run.of("2026-05", None, settings).folder(settings).exists()
    with pytest.raises(BadCall, match="codes_sex"):
        watch.watch(date(2026, 6, 2), settings)


def test_faults_of_one_seed_of_bands_do_not_hide_those_of_another(
    seeds: Path, settings: Settings
) -> None:
    for seed, old, new in (
        ("limit_bands", "1000,5000,", "1000,,"),
        ("score_bands", "650,700,", "660,700,"),
    ):
        path = seeds / f"{seed}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    found = "\n".join(faults(settings))
    assert f"{seeds / 'limit_bands.csv'}, line 4, column below_limit: is empty" in found
    assert f"{seeds / 'score_bands.csv'}, line 5, column from_score: leaves a gap" in found


def test_a_band_below_zero_stands_before_the_one_that_begins_at_zero(
    seeds: Path, settings: Settings
) -> None:
    bands = "from_score,below_score,score_band\n,-100,a\n-100,0,b\n0,,c\n"
    (seeds / "score_bands.csv").write_text(bands, encoding="utf-8")
    configuration.require_fit(settings)


def test_a_seed_with_a_byte_order_mark_is_read_without_it(seeds: Path) -> None:
    path = seeds / "codes_sex.csv"
    path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert "1" in reporting.core.seeds.seed_values("codes_sex", "code")


def test_a_row_rule_and_its_sentence_belong_together(seeds: Path, settings: Settings) -> None:
    path = seeds / "row_rules.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("CLAIM_MISSING,", "CLAIM_ABSENT,"), encoding="utf-8")
    number = text[: text.index("CLAIM_MISSING")].count("\n") + 1
    assert faults(settings) == [
        f"{path}: rule CLAIM_MISSING of screened_disputes.sql has no sentence; add a row",
        f"{path}, line {number}, column rule_id: no model uses CLAIM_ABSENT; remove it",
    ]


def test_a_check_without_its_entry_is_named_with_its_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = guide.load()
    lost = ("landing.bills.key_filled", "bureau.V29", "batch.roll_rate", "watch.bills.fresh")
    monkeypatch.setattr(
        guide, "find", lambda check: None if check in lost else entries and entries[0]
    )
    found = faults(settings)
    assert [name for name in lost if any(f"check {name} has no entry" in x for x in found)] == [
        *lost
    ]
    assert any(
        re.search(r"bills\.py, line \d+: check landing\.bills\.key_filled", x) for x in found
    )


def test_the_checks_that_are_read_are_those_of_the_page() -> None:
    on_page = set(re.findall(r'<a id="([^"]+)">', reference_docs.render()))
    read = {check_id for check_id, _ in configuration.every_check()}
    of_answers = {f"{FEEDBACK}{what}" for what in ("rejected", "refused", "set_aside")}
    of_watch = {*watch.DEADLINES, watch.RUN_ENDED, *submission_watch.MEANINGS}
    assert on_page - read == of_watch | of_answers
    assert read <= on_page


def test_a_mart_that_is_not_published_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # replaced and not emptied: put back, the table would be the last one for every later test
    others = {table: keys for table, keys in published.TABLES.items() if table != "feed_counts"}
    monkeypatch.setattr(published, "TABLES", others)
    (found,) = faults(settings)
    assert "feed_counts.sql: is not published" in found


def test_a_month_in_which_no_notice_has_a_text_is_refused_by_name(seeds: Path) -> None:
    path = seeds / "notice_texts.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("2000-01-01", "2099-01-01"))
    month = Run(date(2026, 5, 1), datetime(2026, 6, 3))
    with pytest.raises(BadCall, match="column used_from: no text is in use by the cut-off"):
        configuration.require_notice_text(month)
