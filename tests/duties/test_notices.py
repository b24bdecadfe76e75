"""Whoever is reported as late was told before, and can answer back."""

import csv
from pathlib import Path

import duckdb
import pytest
from support.lender_months import Lender

from duties.tables import Finds, Rows
from reporting.core.settings import DBT_PROJECT
from reporting.pipeline import steps
from reporting.records import lines
from reporting.store.build_store import open_store

ADVERSE = "rpy_status in ('1', '2', '3', '4', '5', '6', '7', 'B', 'D', 'G', 'Z')"
# A transferred account (G) is sent without anything overdue: no adverse information about it.
TOLD_BEFOREHAND = "rpy_status in ('1', '2', '3', '4', '5', '6', '7', 'B')"
NOT_TOLD = f"""
select s.acct_code, s.month
from submission as s left join verdict as v using (acct_code, month)
where s.rec_type = '210' and {TOLD_BEFOREHAND} and not exists (
    select 1 from adverse_notice as n
    where n.acct_code = s.acct_code and n.episode_start = v.episode_started_on
        and n.sent_at < s.sent_at and n.delivered_at <= s.sent_at)
order by all
"""
# Adverse, then good, then adverse again under the name of the first episode.
OLD_NOTICE_FOR_A_NEW_EPISODE = f"""
with adverse as (
    select s.acct_code, s.month, v.episode_started_on
    from submission as s join verdict as v using (acct_code, month)
    where s.{TOLD_BEFOREHAND}
)
select distinct later.acct_code, later.month
from adverse as earlier
join submission as good
    on good.acct_code = earlier.acct_code and good.month > earlier.month
    and good.rpy_status in ('N', 'M', '*')
join adverse as later
    on later.acct_code = good.acct_code and later.month > good.month
    and later.episode_started_on = earlier.episode_started_on
order by all
"""
FIVE_YEARS_AFTER_THE_END = f"""
select s.acct_code, s.month
from submission as s
where s.{ADVERSE} and exists (
    select 1 from submission as good
    where good.acct_code = s.acct_code and good.month > s.month and not good.{ADVERSE}
        and s.sent_at > good.rpt_date + interval 5 year)
order by all
"""
UNANSWERED = """
select dispute_id from dispute
where coalesce(answered_on, date '2026-06-03') > received_on + 20 order by all
"""
UNMARKED = """
select dispute_id from dispute
where coalesce(annotated_on, date '2026-06-03') > received_on + 1 order by all
"""
WITHOUT_REMARK = """
select dispute_id from dispute
where outcome = 'unverifiable' and coalesce(trim(remark), '') = '' order by all
"""


def told_in_may(book: duckdb.DuckDBPyConnection, check_id: str) -> Rows:
    """The rows that a check of the last month told of, and how severe it is."""
    return book.sql(
        "select rows_failing, severity from published.marts.data_quality_results "
        f"where report_month = '2026-05-01' and check_id = '{check_id}'"
    ).fetchall()


def test_an_adverse_month_is_sent_only_after_its_notice_was_delivered(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-03: Regulation on Credit Reporting, articles 15 and 41."""
    assert book.sql(NOT_TOLD).fetchall() == []
    assert len(book.sql(f"from submission where {TOLD_BEFOREHAND}").fetchall()) > 50
    for spoil in (
        "update adverse_notice set delivered_at = null",
        "update adverse_notice set delivered_at = '2026-06-30'",
        "update adverse_notice set episode_start = '2026-03-10'",
        "delete from adverse_notice",
    ):
        assert ("A2", "2026-05") in finds(NOT_TOLD, spoil)
    between = "update adverse_notice set sent_at = '2026-05-20', delivered_at = '2026-05-20'"
    assert finds(NOT_TOLD, between) == [("A2", "2026-04")]


def test_a_cured_account_starts_a_new_episode(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-03: one notice per episode; an old one does not serve after a good month."""
    assert book.sql(OLD_NOTICE_FOR_A_NEW_EPISODE).fetchall() == []
    spoil = (
        "update submission set rpy_status = '1' where acct_code = 'A2' and month = '2026-03';"
        "update submission set rpy_status = 'M' where acct_code = 'A2' and month = '2026-04';"
        "update verdict set episode_started_on = '2026-03-10' where acct_code = 'A2'"
    )
    assert finds(OLD_NOTICE_FOR_A_NEW_EPISODE, spoil) == [("A2", "2026-05")]
    renamed = "update verdict set episode_started_on = '2026-05-10' where month = '2026-05'"
    assert finds(OLD_NOTICE_FOR_A_NEW_EPISODE, f"{spoil}; {renamed}") == []


def test_the_notice_says_what_when_how_to_pay_and_how_to_dispute() -> None:
    """REQ-04: Regulation, article 15. The words a customer reads are held beside the mart."""
    with (DBT_PROJECT / "seeds" / "notice_texts.csv").open(encoding="utf-8", newline="") as file:
        texts = list(csv.DictReader(file))
    assert texts
    for row in texts:
        for language, days in (("", "20 days"), ("_zh", "20日")):
            for place in (
                *("account", "month", "amount_overdue", "reported_status", "earliest_report_on"),
                *("how_to_pay", "how_to_dispute"),
            ):
                text = row[f"text{language}"]
                assert f"{{{place}}}" in text, (row["text_version"], language, place)
            assert row[f"how_to_pay{language}"]
            assert days in row[f"how_to_dispute{language}"]


def test_the_notice_keeps_channel_text_version_and_receipt(book: duckdb.DuckDBPyConnection) -> None:
    """REQ-04: Regulation, article 15: that the person was told can be shown."""
    kept = book.sql(
        "select count(*) as every, count(notice_id), count(channel), count(text_version), "
        "count(sent_at) from adverse_notices"
    ).fetchall()[0]
    assert len(set(kept)) == 1
    assert kept[0] > 50
    due = book.sql(
        "select count(*), count(text), count(text_zh), count(text_version), count(account_id), "
        "count(earliest_report_on) from published.marts.notices_due"
    ).fetchall()[0]
    assert len(set(due)) == 1


@pytest.mark.parametrize(
    ("query", "check_id", "spoil"),
    [
        (UNANSWERED, "answered_in_time", "update dispute set answered_on = null"),
        (UNANSWERED, "answered_in_time", "update dispute set answered_on = '2026-05-25'"),
        (UNMARKED, "marked_at_once", "update dispute set annotated_on = '2026-05-06'"),
        (WITHOUT_REMARK, "unverifiable_remarked", "update dispute set remark = ' '"),
    ],
)
def test_a_dispute_past_its_duty_is_told_every_month(
    book: duckdb.DuckDBPyConnection, finds: Finds, query: str, check_id: str, spoil: str
) -> None:
    """REQ-05, REQ-06, REQ-08: Regulation, articles 16 and 25; the lender's own acts: warnings."""
    breaches = book.sql(query).fetchall()
    assert told_in_may(book, f"landing.disputes.{check_id}") == [(len(breaches), "warning")]
    assert finds(query, spoil) == [("D1",)]


@pytest.mark.nightly
def test_a_dispute_changes_no_byte_of_a_record(lender_book: Lender, tmp_path: Path) -> None:
    """REQ-09: the record is built from the ledger; a dispute is answered, not anticipated."""
    landing = tmp_path / "landing"
    landing.mkdir()
    for feed in Path(lender_book.settings.landing).iterdir():
        if feed.name != "disputes":
            (landing / feed.name).symlink_to(feed)
    settings = lender_book.settings.model_copy(
        update={"home": tmp_path / "home", "landing": str(landing)}
    )
    run = lender_book.run(lender_book.months[0])
    for step in (steps.land, steps.build_marts, steps.build_records):
        step(run, settings)
    with open_store(run, settings, read_only=False) as store:
        lines.build_lines(store, run)
        built = store.sql("select line from secure.record_lines where file_name is not null")
        undisputed = sorted(line for (line,) in built.fetchall())
    paths = lender_book.settings.submissions.glob(f"*/{run.label}/*.txt")
    sent = sorted(line for path in paths for line in path.read_text("utf-8").splitlines()[1:])
    assert sent == undisputed
    known = lender_book.query(
        "select good from marts.feed_counts where table_name = 'disputes' "
        "and report_month = '2026-03-01'"
    )
    assert known[0][0] > 0


def test_nothing_adverse_is_sent_five_years_after_its_end(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-21: Regulation, article 16: the bureau's duty, mirrored."""
    assert book.sql(FIVE_YEARS_AFTER_THE_END).fetchall() == []
    spoil = (
        "update submission set rpy_status = 'N' where acct_code = 'A2' and month = '2026-05';"
        "update submission set sent_at = '2031-06-01' where acct_code = 'A2' and month = '2026-04'"
    )
    assert finds(FIVE_YEARS_AFTER_THE_END, spoil) == [("A2", "2026-04")]


def test_overdue_months_are_sent_as_they_were(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-31: repair policy of 2025-12-22: the bureau hides, nobody edits history."""
    edited = "select acct_code from submission where rec_type not in ('110', '210', '220')"
    assert book.sql(edited).fetchall() == []
    types = book.sql("select distinct record_type from journal order by all").fetchall()
    assert types == [("110",), ("210",), ("220",)]
    spoil = "update submission set rec_type = '212' where acct_code = 'A2' and month = '2026-04'"
    assert finds(edited, spoil) == [("A2",)]
