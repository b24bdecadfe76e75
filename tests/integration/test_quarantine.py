"""A quarantined row holds back the records that would be told without it, until it is corrected."""

import re
from datetime import date, datetime
from pathlib import Path

import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook, moment
from support.lender_months import Lender, build, settings_in
from support.people import person

from reporting.records.rules import load_rules
from reporting.why.answer import explain

BROKEN = date(2026, 4, 20)
OURS = {rule.id for rule in load_rules() if rule.id.startswith("H")}


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """April with a quarantined row for each account but one; May with all of them corrected."""
    folder = tmp_path_factory.mktemp("quarantine")
    book = RawBook()
    for name in (
        "CLEAN",
        "BILL",
        "PAID",
        "LATER",
        "LIMIT",
        "WITHDRAWN",
        "SIGNED",
        "TWO",
        "WHEN",
        "LOST",
        "STALE",
        "NOKEY",
        "NOKEYLATER",
        "VOIDED",
        "SWAPPED",
        "PENDING",
    ):
        person(book, name)
    late, corrected = moment(date(2026, 5, 2)), moment(date(2026, 5, 20))
    bill = {"bill_id": "ABILLB9", "recorded_at": late}
    book.bill("ABILL", BROKEN, date(2026, 4, 10), 50, **bill)  # due before its statement
    book.bill("ABILL", BROKEN, date(2026, 4, 30), 50, **bill | {"recorded_at": corrected})
    book.transaction("ABILL", "repayment", datetime(2026, 4, 25), 50)
    paid = {"transaction_id": "TPAID", "recorded_at": late}
    book.transaction("APAID", "repayment", datetime(2026, 4, 20), 0, **paid)  # no amount
    book.transaction(
        "APAID", "repayment", datetime(2026, 4, 20), 5, **paid | {"recorded_at": corrected}
    )
    future = {"bill_id": "ALATERB9", "recorded_at": late}  # counts from May on
    book.bill("ALATER", date(2026, 5, 5), date(2026, 5, 4), 50, **future)
    book.bill(
        "ALATER", date(2026, 5, 5), date(2026, 5, 6), 50, **future | {"recorded_at": corrected}
    )
    limit = book.limit("ALIMIT", date(2026, 4, 8), 1, change_reason="decrease", recorded_at=late)
    limit["credit_limit"] = -limit["credit_limit"]
    book.limit("ALIMIT", date(2026, 4, 8), 4000, change_reason="decrease", recorded_at=corrected)
    withdrawal = {"consent_event_id": "EW", "action": "withdrawn"}
    book.consent("CWITHDRAWN", "HUABEI", datetime(2026, 4, 9), **withdrawal, channel=None)
    book.consent("CWITHDRAWN", "HUABEI", datetime(2026, 4, 9), **withdrawal, recorded_at=corrected)
    signature = {"consent_event_id": "ES", "document_version": "v2"}
    book.consent("CSIGNED", "HUABEI", datetime(2026, 4, 9), **signature, channel=None)
    when = {"transaction_id": "TWHEN"}  # first without the moment of recording
    book.transaction("AWHEN", "repayment", datetime(2026, 4, 11), 5, **when, recorded_at=None)
    book.transaction("AWHEN", "repayment", datetime(2026, 4, 11), 5, **when, recorded_at=corrected)
    lost = {"transaction_id": "TLOST"}  # a newer version has lost the account
    book.transaction("ALOST", "purchase", datetime(2026, 4, 12), 700, **lost)
    book.transaction(None, "purchase", datetime(2026, 4, 12), 700, **lost, recorded_at=late)
    book.transaction("ALOST", "purchase", datetime(2026, 4, 12), 700, **lost, recorded_at=corrected)
    stale = {"transaction_id": "TSTALE"}  # something else is said, and not when
    book.transaction("ASTALE", "purchase", datetime(2026, 4, 12), 7, **stale)
    book.transaction("ASTALE", "purchase", datetime(2026, 4, 12), 9, **stale, recorded_at=None)
    for name, day in (("NOKEY", datetime(2026, 4, 12)), ("NOKEYLATER", datetime(2026, 5, 1))):
        book.transaction(f"A{name}", "purchase", day, 7, transaction_id=None)
    # of one person and without a key: a withdrawal for another product is about that product
    for product, action in (("HUABEI", "signed"), ("JIEBEI", "withdrawn")):
        book.consent(
            "CSIGNED",
            product,
            datetime(2026, 4, 9),
            consent_event_id=None,
            action=action,
        )
    two = {"transaction_id": "TTWO", "recorded_at": late}  # two versions at one moment
    book.transaction("ATWO", "purchase", datetime(2026, 4, 11), 10, **two)
    book.transaction("ATWO", "purchase", datetime(2026, 4, 11), 11, **two)
    book.transaction(
        "ATWO", "purchase", datetime(2026, 4, 11), 11, **two | {"recorded_at": corrected}
    )
    void = {"transaction_id": "TVOID"}  # a correction that fails names a later day
    book.transaction("AVOIDED", "repayment", datetime(2026, 4, 20), 5, **void)
    book.transaction("AVOIDED", "repayment", datetime(2026, 5, 1), 0, **void, recorded_at=late)
    swapped = {"bill_id": "ASWAPPEDB9", "recorded_at": late}  # day and month of the statement
    book.bill("ASWAPPED", date(2026, 5, 4), date(2026, 4, 15), 50, **swapped)
    # April waits for its notice; when that is there, a withdrawal of May cannot be read
    book.bill("APENDING", date(2026, 3, 12), date(2026, 3, 22), 50, bill_id="APENDINGB9")
    book.notice("APENDING", date(2026, 3, 22), datetime(2026, 5, 8))
    book.consent(
        "CPENDING", "HUABEI", datetime(2026, 5, 20), consent_event_id="EP", action="WITHDRAWN"
    )
    settings = settings_in(folder)
    write(book, Path(settings.landing))
    return build(settings, "2026-04", "2026-05")


def states(lender: Lender, month: str) -> dict[tuple[str, str, str], tuple[str, set[str]]]:
    return {
        (row["record_type"], row["subject_id"], str(row["report_date"])): (
            row["state"],
            set(re.findall(r"\w+", row["rule_ids"] or "")),
        )
        for row in lender.rows("submission_records", month)
    }


def test_a_record_is_withheld_for_its_quarantined_row_and_no_other_is(lender: Lender) -> None:
    april = states(lender, "2026-04")
    withheld = {key: ids & OURS for key, (state, ids) in april.items() if state == "WITHHELD"}
    assert withheld == {
        ("210", "ABILL", "2026-04-30"): {"H01"},
        ("210", "ASWAPPED", "2026-04-30"): {"H01"},
        ("210", "AVOIDED", "2026-04-30"): {"H02"},
        ("210", "APAID", "2026-04-30"): {"H02"},
        ("210", "ATWO", "2026-04-30"): {"H02"},
        ("210", "AWHEN", "2026-04-30"): {"H02"},
        ("210", "ALOST", "2026-04-30"): {"H02"},
        ("210", "ASTALE", "2026-04-30"): {"H02"},
        ("210", "ANOKEY", "2026-04-30"): {"H02"},
        ("210", "ALIMIT", "2026-04-30"): {"H03"},
        ("220", "ALIMIT", "2026-04-30"): {"H05"},
        ("210", "AWITHDRAWN", "2026-04-30"): {"H04"},
        ("220", "AWITHDRAWN", "2026-04-30"): {"H07"},
        ("110", "CWITHDRAWN", "2026-04-30"): {"H06"},
    }
    assert april[("210", "ACLEAN", "2026-04-30")] == ("BUILT", set())
    assert april[("210", "ASIGNED", "2026-04-30")] == ("BUILT", set())
    assert april[("210", "ALATER", "2026-04-30")] == ("BUILT", set())
    # its row counts from May; that another's row has no key either says nothing about it
    assert april[("210", "ANOKEYLATER", "2026-04-30")] == ("BUILT", set())


def test_the_verdict_stays_and_the_month_stays_owed(lender: Lender) -> None:
    reasons = {
        r["account_id"]: r["reason_code"] for r in lender.rows("reportable_population", "2026-04")
    }
    assert reasons.pop("APENDING") == "NOTICE_PENDING"
    assert set(reasons.values()) == {"REPORTED"}
    owed = {row["account_id"] for row in lender.rows("months_owed", "2026-04")}
    assert owed == {
        *("ABILL", "APAID", "ATWO", "ALIMIT", "AWITHDRAWN", "AWHEN", "ALOST", "ASTALE", "ANOKEY"),
        *("ASWAPPED", "AVOIDED", "APENDING"),
    }


def test_what_may_be_a_withdrawal_holds_the_months_before_it_that_are_pending(
    lender: Lender,
) -> None:
    may = states(lender, "2026-05")
    assert {key: ids & OURS for key, (_, ids) in may.items() if "PENDING" in key[1]} == {
        ("210", "APENDING", "2026-04-30"): {"H04"},
        ("210", "APENDING", "2026-05-31"): {"H04"},
        ("220", "APENDING", "2026-04-30"): {"H07"},
        ("110", "CPENDING", "2026-04-30"): {"H06"},
    }


def test_corrected_rows_heal_and_the_month_follows_by_itself(lender: Lender) -> None:
    may = states(lender, "2026-05")
    for account in ("ABILL", "APAID", "ATWO", "ALIMIT", "AWHEN", "ALOST"):
        assert may[("210", account, "2026-04-30")] == ("BUILT", set())
        assert may[("210", account, "2026-05-31")][0] == "BUILT"
    assert ("210", "AWITHDRAWN", "2026-05-31") not in may or (
        may[("210", "AWITHDRAWN", "2026-05-31")][0] == "BUILT"
    )
    healed = lender.query(
        "select row_key, rule_id, healed_as_of from marts.quarantined_rows order by all"
    )
    assert [(key, rule) for key, rule, when in healed if when is None] == [
        *[("", "KEY_MISSING")] * 3,  # of two accounts and a person (two rows in one file)
        ("ASWAPPEDB9", "DUE_BEFORE_STATEMENT"),
        ("EP", "ACTION_UNKNOWN"),
        ("ES", "CHANNEL_MISSING"),
        ("TSTALE", "RECORDED_AT_MISSING"),  # until its file is replaced
        # listed for good, but a later version counts
        ("TTWO", "CONFLICTING_VERSIONS"),
        ("TVOID", "AMOUNT_NOT_POSITIVE"),
        ("TWHEN", "RECORDED_AT_MISSING"),
    ]
    assert {when for _, _, when in healed if when} == {lender.run("2026-05").as_of}


def test_the_places_add_up(lender: Lender) -> None:
    for month in lender.months:
        for row in lender.rows("feed_counts", month):
            places = ("good", "duplicates", "superseded", "after_cut_off", "quarantined")
            assert row["delivered"] == sum(row[place] for place in places), row
            assert min(row[place] for place in places) >= 0, row


def test_why_names_the_row_that_is_missing(lender: Lender) -> None:
    answer = str(explain("ABILL", "2026-04", lender.settings))
    assert "reportable, but its record is withheld (rules H01" in answer
    assert re.search(
        r"not in this ledger: row ABILLB9 of bills \(file bills/.*\), for DUE_BEFORE", answer
    )
    assert "ABILLB9" not in str(explain("ABILL", "2026-05", lender.settings))
    rows = lender.query(
        "select distinct account_id from marts.quarantined_rows where row_key = 'ABILLB9'"
    )
    assert rows == [("ABILL",)]
