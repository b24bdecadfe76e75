"""The month from end to end: the marts against the oracle, the files against the marts."""

import hashlib
import hmac
import json
import os
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from oracle.book import expected_month
from oracle.submission_reader import expected_monthly_segment, read_month
from rich.console import Console
from support.derivations import PLACES, differences
from support.lender_months import MONTHS, Lender

from reporting.cli.months import overview
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.product_policy import read_policy
from reporting.core.run import OWN_PART, Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.pipeline import steps
from reporting.records import notices
from reporting.records.hash_key import hash_key
from reporting.store.build_store import open_store
from reporting.store.provenance import run_id
from reporting.store.published import OF_OWN_RUNS, partition
from reporting.store.published_database import is_of_this_place
from reporting.submission import approval


@pytest.mark.parametrize("month", MONTHS)
def test_the_marts_are_what_the_replay_says(lender_book: Lender, month: str) -> None:
    run = lender_book.run(month)
    sent = lender_book.query(
        "select distinct account_id from marts.submission_records"
        " where record_type = '210' and state = 'BUILT' and report_month < ?",
        run.month,
    )
    expected = expected_month(
        Path(lender_book.settings.landing),
        read_policy(lender_book.settings),
        run.month,
        run.as_of,
        sent={account_id for (account_id,) in sent},
    )
    assert len(expected.repayment_status) > 300
    assert not differences(expected.repayment_status, lender_book.rows("repayment_status", month))
    assert not differences(
        expected.reportable_population, lender_book.rows("reportable_population", month)
    )
    counts = {row["table_name"]: row for row in lender_book.rows("feed_counts", month)}
    for table, places in expected.staged.counts.items():
        assert [counts[table][place] for place in PLACES] == [places.get(p, 0) for p in PLACES]


@pytest.mark.parametrize("month", MONTHS)
def test_the_files_say_what_the_marts_say_to_the_yuan(
    lender_book: Lender, raw: Any, month: str
) -> None:
    with open_store(lender_book.run(month), lender_book.settings) as store:  # owed months too
        cursor = store.execute("from marts.repayment_status")
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    statuses = {(row["account_id"], f"{row['report_month']:%Y-%m}"): row for row in rows}
    reported = {
        row["account_id"]: row["reporter_code"]
        for row in lender_book.rows("reportable_population", month)
        if row["is_reportable"]
    }
    opened = dict(raw(lender_book.settings, "select account_id, opened_on from accounts"))
    withheld = {
        (account, reporter)
        for account, reporter in lender_book.query(
            "select account_id, reporter_code from marts.submission_records "
            "where record_type = '210' and state = 'WITHHELD' "
            "and report_month = ? and report_date >= report_month",
            date.fromisoformat(f"{month}-01"),
        )
    }
    seen, owed = set(), set()
    for reporter, submission in read_month(lender_book.settings.home, month).items():
        for record in submission.records("210"):
            account = record["AcctBsSgmt"]["AcctCode"].removeprefix(reporter)
            about = record["AcctMthlyBlgInfSgmt"]["Month"]
            segment = record["AcctMthlyBlgInfSgmt"]
            if segment["RpyStatus"] != "G":  # of a transferred account nothing is owed any more
                assert segment == expected_monthly_segment(
                    statuses[account, about], opened[account]
                )
            (seen if about == month else owed).add((account, reporter))
    assert seen | withheld == set(reported.items())
    assert not seen & withheld
    assert bool(owed) == (month != MONTHS[0])


def test_an_account_is_introduced_once_and_then_reported_by_the_month(lender_book: Lender) -> None:
    introduced: set[str] = set()
    agreements: set[str] = set()
    for month in MONTHS:
        for submission in read_month(lender_book.settings.home, month).values():
            agreements |= {r["CtrctBsSgmt"]["ContractCode"] for r in submission.records("220")}
            for record in submission.records("210"):
                base = record["AcctBsSgmt"]
                is_first = base["AcctCode"] not in introduced
                introduced.add(base["AcctCode"])
                if is_first:
                    assert base["RptDateCode"] in ("10", "31", "20", "32")
                    assert {"AcctBsInfSgmt", "AcctCredSgmt"} <= record.keys()
                    assert record["AcctCredSgmt"]["Mcc"] in agreements
                else:
                    assert base["RptDateCode"] in ("30", "20", "32")


def test_every_line_is_in_the_journal_with_its_hash(lender_book: Lender) -> None:
    key = hash_key(lender_book.settings, ())
    for month in MONTHS:
        records = lender_book.rows("submission_records", month)
        journal = {row["content_sha256"] for row in records if row["state"] == "BUILT"}
        assert {row["state"] for row in records if row["file_name"] is None} <= {"WITHHELD"}
        lines = [
            line
            for path in lender_book.settings.submissions.glob(f"*/{month}/*.txt")
            for line in path.read_text(encoding="utf-8").splitlines()[1:]
        ]
        hashes = {hmac.new(key, line.encode(), "sha256").hexdigest() for line in lines}
        assert hashes == journal
        assert not {hashlib.sha256(line.encode()).hexdigest() for line in lines} & journal
        assert len(lines) == len(journal)


def test_who_is_not_reported_leaves_no_trace_in_any_file(lender_book: Lender, raw: Any) -> None:
    never = lender_book.query(
        "select customer_id from marts.reportable_population "
        "group by all having not bool_or(is_reportable)"
    )
    customers = {customer for (customer,) in never}
    text = "".join(
        path.read_text(encoding="utf-8") for path in lender_book.settings.submissions.rglob("*.*")
    )
    ids = raw(lender_book.settings, "select customer_id, id_number, account_id from customers "
              "join accounts using (customer_id)")  # fmt: skip
    checked = 0
    for customer, id_number, account in ids:
        if customer in customers:
            assert f">{id_number}<" not in text
            assert f"{account}<" not in text
            checked += 1
    assert checked > 50


def digests(lender_book: Lender, month: str) -> dict[str, str]:
    """SHA-256 of every submission file, notice file and published table of a month."""
    first = date.fromisoformat(f"{month}-01")
    home = lender_book.settings.home
    paths = [
        *home.glob(f"submissions/*/{month}/*"),
        *home.glob(f"notices/{month}/*"),
        *home.glob(f"published/*/report_month={first}/*"),
    ]
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if "data_quality_results" not in path.parts  # evaluated_at is the wall clock
    }


def test_the_same_month_built_again_gives_the_same_bytes(lender_book: Lender) -> None:
    before = digests(lender_book, MONTHS[-1])
    assert len(before) == 8 + 1 + len(OF_OWN_RUNS) - 1  # submissions, notices, tables
    steps.run_month(lender_book.run(MONTHS[-1]), lender_book.settings)
    assert digests(lender_book, MONTHS[-1]) == before


def test_the_manifest_is_all_there_is_beside_the_files(lender_book: Lender) -> None:
    for folder in lender_book.settings.submissions.glob("*/*"):
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        names = {file["name"] for file in manifest["files"]}
        assert {path.name for path in folder.iterdir()} == names | {"manifest.json"}
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("month", ["2026-07", "2026-10"])
def test_a_month_cannot_leave_a_gap(lender_book: Lender, month: str) -> None:
    run = Run.of(month, None, lender_book.settings)
    with pytest.raises(BadCall, match=f"{month} cannot be built before 2026-06: run .*2026-06"):
        steps.run_month(run, lender_book.settings)


@pytest.fixture
def copied(lender_book: Lender, tmp_path: Path) -> Settings:
    """The settings of a copy of the book's home."""
    shutil.copytree(lender_book.settings.home, tmp_path / "home")
    return lender_book.settings.model_copy(update={"home": tmp_path / "home"})


def test_nothing_goes_on_from_a_month_that_is_half_published(
    lender_book: Lender, copied: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    april, may = (lender_book.run(month) for month in MONTHS[1:3])

    def stopped(*_: object) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(notices, "write_notices", stopped)
        with pytest.raises(OSError, match="the power went"):
            steps.publish(april, copied)
    with pytest.raises(BadCall, match=f"month {april.label} was stopped while it was published"):
        steps.land(may, copied)
    with pytest.raises(BadCall, match=f"month {april.label} was stopped while it was published"):
        steps.publish(may, copied)  # that was landed before
    with pytest.raises(BadCall, match=f"month {april.label} was stopped while it was published"):
        approval.require_fresh_up_to(may, copied)
    shown = Console(width=120)
    with shown.capture() as told:
        shown.print(overview(copied))
    assert f"Stopped while it was published, run it again: {april.label}" in told.get()
    steps.publish(april, copied)
    with open_store(april, copied) as store:
        assert is_of_this_place(store, copied)  # not of the home that was copied
    steps.land(may, copied)


@pytest.mark.parametrize(
    ("table", "fault"), [("months_owed", "missing"), ("submission_records", "damaged")]
)
def test_what_earlier_months_left_must_be_there(
    lender_book: Lender, copied: Settings, table: str, fault: str
) -> None:
    april, may = (lender_book.run(month) for month in MONTHS[1:3])
    path = partition(copied, table, april.month) / OWN_PART
    if fault == "missing":
        path.unlink()
    else:
        path.write_text("no Parquet")
    with pytest.raises(DataNotFit, match=f"{table}.* is {fault}.*--month {april.label}` again"):
        steps.land(may, copied)


def test_a_month_follows_from_its_settings_and_the_month_before() -> None:
    run = Run(date(2026, 5, 1), datetime(2026, 6, 3))
    settings = Settings(home=Path("home"))
    policy = DBT_PROJECT / "seeds" / "product_policy.csv"

    def id_of(settings: Settings, built_on: str | None, key_check: str = "key") -> str:
        return run_id(run, settings, policy, "input", built_on, key_check)

    first = id_of(settings, None)
    assert id_of(settings.model_copy(update={"threads": 1}), None) == first
    other_lead = settings.model_copy(update={"notice_lead_days": settings.notice_lead_days + 1})
    other_groups = settings.model_copy(update={"minimum_group_size": 99})
    ids = {first, id_of(settings, "a"), id_of(settings, "b"), id_of(other_lead, None)}
    assert len(ids | {id_of(other_groups, None), id_of(settings, None, "other")}) == 6


@pytest.mark.nightly
def test_dbts_own_variables_change_nothing(
    lender_book: Lender, copied: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_EMPTY", "1")  # models of no rows
    monkeypatch.setenv("DBT_TARGET", "nowhere")
    steps.run_month(lender_book.run(MONTHS[-1]), copied)
    assert os.environ["DBT_EMPTY"] == "1"
    built = digests(Lender(copied, lender_book.months), MONTHS[-1])
    assert built == digests(lender_book, MONTHS[-1])


def test_a_month_that_has_not_ended_is_refused(lender_book: Lender) -> None:
    with pytest.raises(BadCall, match="has not ended"):
        Run.of("2026-05", "2026-05-31T23:59:59", lender_book.settings)


@pytest.mark.nightly
def test_a_month_built_beside_another_is_not_published(lender_book: Lender, tmp_path: Path) -> None:
    settings = lender_book.settings.model_copy(update={"home": tmp_path})
    march, april = (Run.of(month, None, settings) for month in MONTHS[:2])
    for run in (march, april):
        for step in (steps.land, steps.build_marts, steps.build_records):
            step(run, settings)
    for layer in (steps.check_landing, steps.check_marts, steps.check_records):
        layer(march, settings)
    steps.publish(march, settings)
    with pytest.raises(BadCall, match="earlier months that have changed since"):
        steps.publish(april, settings)
    assert not list(tmp_path.glob("submissions/*/2026-04"))
