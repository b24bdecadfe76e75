"""The oracle of submissions on the known stories, whose records are known without it."""

from datetime import date, datetime

import pytest
from oracle.book import read_policy
from oracle.raw_rows import REPORTER, RawBook
from oracle.record_stories import (
    LIFE_CHANGES,
    LIMITS_CHANGE,
    LOAN,
    ONE_MONTH,
    REOPENED,
    SETTLED_EARLY,
    TRANSFERRED,
    WRITTEN_OFF,
    add_stories,
)
from oracle.submission_differences import list_differences, told
from oracle.submissions import PlannedRun, RunOutcome, submissions
from oracle.worked_example import (
    EXAMPLE,
    LATE_CONSENT,
    LATE_NOTICE,
    LATE_PAYMENT,
    RUN_OFF,
    STOPPED,
    STOPS,
    add_examples,
)

from reporting.core.settings import DBT_PROJECT

RUNS = [
    PlannedRun(date(2023, month, 1), datetime(2023, month + 1, 3), notice_lead_days=0)
    for month in range(1, 9)
]
JUNE = 5
CURED_LATE = (REPORTER, "210", LATE_PAYMENT, date(2023, 6, 30))


def outcomes(withheld: dict[int, set] | None = None) -> list[RunOutcome]:
    book = RawBook()
    add_examples(book)
    add_stories(book)
    policy = read_policy(DBT_PROJECT / "seeds" / "product_policy.csv")
    policy[STOPS] = policy["HUABEI"] | {"product_code": STOPS, "on_withdrawal": "stop"}
    by_run = [(withheld or {}).get(number, set()) for number in range(len(RUNS))]
    return submissions(book.tables, policy, {REPORTER: "500103"}, RUNS, by_run)


@pytest.fixture(scope="module")
def replayed() -> list[RunOutcome]:
    return outcomes()


def lives(replayed: list[RunOutcome], account_id: str) -> list[str]:
    """Per run: month, code, segments and status of the account's records."""
    letters = {"AcctBsInfSgmt": "C", "AcctCredSgmt": "F", "AcctSpecTrstDspnSgmt": "K"}
    return [
        " ".join(
            f"{b.on:%m-%d}/{b.code}{''.join(letters.get(s, '') for s in b.record)}"
            f"/{b.record['AcctMthlyBlgInfSgmt']['RpyStatus']}"
            for b in outcome.records
            if b.key[1:3] == ("210", account_id)
        )
        for outcome in replayed
    ]


@pytest.mark.parametrize(
    ("account_id", "life"),
    [
        (EXAMPLE, "01-31/31CF/*,02-28/30/N,03-31/30/1,04-30/30/2,05-31/30/3,06-30/30/M,"
         "07-31/30/N,08-15/20/C"),
        (LATE_CONSENT, ",,,04-30/31CF/2,05-31/30/3,06-30/30/M,07-31/30/N,08-15/20/C"),
        (LATE_NOTICE, "01-31/31CF/*,02-28/30/N,,03-31/30/1 04-30/30/2,05-31/30/3,06-30/30/M,"
         "07-31/30/N,08-15/20/C"),
        (RUN_OFF, "01-31/31CF/*,02-28/30/N,03-31/30/1,04-30/30/2,05-31/30/3,06-30/30/M,"
         "07-31/30/*,08-15/20/C"),
        (STOPPED, "01-31/31CF/*,02-28/30/N,03-31/30/1,04-30/30/2,,,,"),
        (LOAN, ",,03-31/31CF/*,04-30/30/N,05-31/30/N,06-05/20/C,,"),
        (SETTLED_EARLY, ",02-28/31CF/*,03-31/30/N,04-20/20K/C,,,,"),
        (ONE_MONTH, ",02-20/20CF/C,,,,,,"),
        (TRANSFERRED, ",02-28/31CF/*,03-31/30/*,04-20/20CK/G,,,,"),
        (WRITTEN_OFF, "01-31/31CF/*,02-28/30/1,03-31/30/2,04-30/30/3,05-31/30/4,06-30/30K/B,"
         "07-31/30/B,08-31/30/B"),
        (REOPENED, "01-31/31CF/*,02-28/30/*,03-15/20/C,04-30/30/*,05-31/30/*,06-30/30/*,"
         "07-31/30/*,08-31/30/*"),
    ],
)  # fmt: skip
def test_each_life_is_told_month_by_month(
    replayed: list[RunOutcome], account_id: str, life: str
) -> None:
    assert lives(replayed, account_id) == life.split(",")


def test_an_agreement_opens_follows_its_limit_and_ends(replayed: list[RunOutcome]) -> None:
    codes = [
        (f"{built.on:%m-%d}", built.code, built.record["CreditLimSgmt"]["CreditLim"])
        for outcome in replayed
        for built in outcome.records
        if built.key[1:3] == ("220", LIMITS_CHANGE)
    ]
    assert codes == [
        ("01-31", "10", "1000"),
        ("03-31", "30", "2000"),
        ("05-31", "30", "1500"),
        ("07-31", "20", "0"),
    ]


def test_a_month_held_for_its_notice_is_owed_until_it_goes_out(replayed: list[RunOutcome]) -> None:
    march, april = replayed[2:4]
    assert march.owed == {(LATE_NOTICE, date(2023, 3, 1)): "NOTICE_PENDING"}
    assert april.owed == {}


def test_a_record_that_a_rule_withheld_stays_owed_and_is_built_anew() -> None:
    replayed = outcomes({JUNE: {CURED_LATE}})
    assert lives(replayed, LATE_PAYMENT)[JUNE : JUNE + 2] == ["06-30/30/*", "06-30/30/* 07-31/30/*"]
    assert replayed[JUNE].owed == {(LATE_PAYMENT, date(2023, 6, 1)): "WITHHELD"}
    assert replayed[JUNE + 1].owed == {}


def test_a_life_that_changes_is_told_segment_by_segment(replayed: list[RunOutcome]) -> None:
    told = [
        (f"{built.on:%m-%d}", built.code, len(built.record), list(built.record)[1])
        for outcome in replayed
        for built in outcome.records
        if built.key[1:3] == ("110", f"C{LIFE_CHANGES}")
    ]
    assert told == [
        ("01-31", "10", 7, "FcsInfSgmt"),
        ("03-31", "20", 2, "SpsInfSgmt"),
        ("04-30", "20", 2, "OctpnInfSgmt"),
        ("05-31", "10", 7, "FcsInfSgmt"),
    ]


def test_differences_name_the_record_the_tag_and_both_values(replayed: list[RunOutcome]) -> None:
    records = [built.record for built in replayed[0].of_type(REPORTER, "210")]
    assert not list(list_differences("210", records, records))
    first, second, *rest = records
    monthly = second["AcctMthlyBlgInfSgmt"] | {"AcctBal": "1"}
    changed = [second | {"AcctMthlyBlgInfSgmt": monthly}, *rest]
    text = told(list(list_differences("210", records, changed)))
    assert "2 differences" in text
    assert f"{first['AcctBsSgmt']['AcctCode']} " in text
    assert "expected, not in the file" in text
    assert "AcctMthlyBlgInfSgmt.AcctBal: expected '1200', found '1'" in text
    swapped = [second, first, *rest]
    assert "another order" in told(list(list_differences("210", records, swapped)))
