"""A disorderly book over several months: every record, tag by tag, must be the oracle's.

A record that a bureau rule withheld is taken from the journal, so that the oracle knows what stays
owed; whether the rule was right is not judged here.
"""

from datetime import date
from pathlib import Path

import pytest
from oracle.book import read_landing, read_policy
from oracle.record_contents import SPECIAL
from oracle.submission_differences import differences, told
from oracle.submissions import Key, PlannedRun, RunOutcome, submissions
from support.lender_months import WORLD_MONTHS, Lender

from reporting.core.product_policy import read_policy as policy_file
from reporting.core.settings import DBT_PROJECT


def districts() -> dict[str, str]:
    """The institutions' districts."""
    lines = (DBT_PROJECT / "seeds" / "reporters.csv").read_text(encoding="utf-8").splitlines()
    return {line.split(",")[0]: line.split(",")[-1] for line in lines[1:]}


def journal(lender: Lender, month: str, states: tuple[str, ...]) -> set[Key]:
    """The records that a month's run built and that are in one of the states."""
    rows = lender.query(
        "select reporter_code, record_type, subject_id, report_date "
        "from marts.submission_records where report_month = ? and list_contains(?, state)",
        date.fromisoformat(f"{month}-01"),
        list(states),
    )
    return set(rows)


def owed(lender: Lender, month: str) -> dict[tuple[str, date], str]:
    """Which months of which accounts are owed after a month's run, and what holds them back."""
    rows = lender.query(
        "select account_id, owed_month, held_back_by from marts.months_owed where report_month = ?",
        date.fromisoformat(f"{month}-01"),
    )
    return {(account_id, owed_month): reason for account_id, owed_month, reason in rows}


def expected(lender: Lender, months: tuple[str, ...]) -> tuple[list[RunOutcome], list[set[Key]]]:
    """What the oracle says of every run, and what the rules withheld."""
    withheld = [journal(lender, month, ("WITHHELD",)) for month in months]
    runs = []
    for month in months:
        run = lender.run(month)
        runs.append(PlannedRun(run.month, run.as_of, lender.settings.notice_lead_days))
    landing = Path(lender.settings.landing)
    policy = read_policy(policy_file(lender.settings))
    return submissions(read_landing(landing), policy, districts(), runs, withheld), withheld


def compare(lender: Lender, months: tuple[str, ...]) -> list[RunOutcome]:
    """Fail with every difference between the lender's submissions and the oracle's."""
    outcomes, withheld = expected(lender, months)
    found = differences(lender.settings.home, outcomes, withheld)
    assert not found, told(found)
    for month, outcome in zip(months, outcomes, strict=True):
        every = journal(lender, month, ("WITHHELD", "BUILT", "RELEASED", "ACCEPTED"))
        assert every == {built.key for built in outcome.records}, month
        assert owed(lender, month) == outcome.owed, month
    return outcomes


def special(outcomes: list[RunOutcome]) -> set[str]:
    """The kinds of special transactions that were told."""
    records = [built.record for outcome in outcomes for built in outcome.records]
    told = [record[SPECIAL]["CagOfTrdInf"] for record in records if SPECIAL in record]
    items = [item for one in told for item in (one if isinstance(one, list) else [one])]
    return {item["ChanTranType"] for item in items}


@pytest.mark.nightly
def test_every_record_of_a_random_book_is_the_oracles(disorderly_book: Lender) -> None:
    outcomes = compare(disorderly_book, tuple(disorderly_book.months))

    kinds = {  # the book has some of everything that is compared
        (built.key[1], built.code, built.on < outcome.run.month)
        for outcome in outcomes
        for built in outcome.records
    }
    assert {("110", code, False) for code in ("10", "20")} <= kinds
    assert {("210", code, False) for code in ("10", "20", "30", "31", "32")} <= kinds
    assert {("220", code, False) for code in ("10", "20", "30")} <= kinds
    assert {("210", code, True) for code in ("30", "31")} <= kinds  # owed, and sent later
    assert special(outcomes) == {"5", "13", "15"}
    assert all(outcome.owed for outcome in outcomes)


def test_every_record_of_the_known_stories_is_the_oracles(world: Lender) -> None:
    compare(world, tuple(WORLD_MONTHS))
