"""Lives that the worked example does not show: what their records and agreements must say."""

import re
from datetime import date
from decimal import Decimal

import pytest
from oracle.raw_rows import REPORTER, RawBook
from oracle.record_stories import (
    ABSENT,
    AGREED,
    CLOSED_BEFORE,
    FIRST_DAY_IS_LAST,
    LAST_DAY,
    LIFE_CHANGES,
    LIMITS_CHANGE,
    LOAN,
    LOAN_AGREEMENT,
    MARRIED_TO_SILENT,
    ONE_MONTH,
    ONE_OF_TWO,
    OTHER_REPORTER,
    REOPENED,
    SETTLED_EARLY,
    SHARED_AGREEMENT,
    SILENT,
    TRANSFERRED,
    TURNS_OUT_A_MINOR,
    TWO_REPORTERS,
    WRITTEN_OFF,
    add_stories,
)
from oracle.submission_reader import MONTHLY_TAGS, Record, read_month
from oracle.worked_example import add_examples
from support.lender_months import WORLD_MONTHS, Lender
from support.sent_records import about, reasons, sent, statuses

from reporting.store.published_database import open_published
from reporting.why import facts
from reporting.why.answer import explain

SPECIAL = "AcctSpecTrstDspnSgmt"
NOTHING_OVERDUE = {
    "OverdPrd": "0",
    "TotOverd": "0",
    "OverdPrinc": "0",
    "Oved31_60Princ": "0",
    "Oved61_90Princ": "0",
    "Oved91_180Princ": "0",
    "OvedPrinc180": "0",
}


def report(world: Lender, month: str, account_id: str) -> Record:
    """The one record of an account in a month's file."""
    (record,) = about(world.settings.home, month, "210", account_id)
    return record


def agreement(world: Lender, agreement_id: str) -> list[tuple[str, str, str, str, str]]:
    """Month of the file, date, code, limit and status of every record of an agreement."""
    return [
        (
            month,
            record["CtrctBsSgmt"]["RptDate"],
            record["CtrctBsSgmt"]["RptDateCode"],
            record["CreditLimSgmt"]["CreditLim"],
            record["CreditLimSgmt"]["ConStatus"],
        )
        for month in WORLD_MONTHS
        for record in about(world.settings.home, month, "220", agreement_id)
    ]


def mart(world: Lender, month: str, account_id: str) -> dict[str, object]:
    """The account's row of ``marts.repayment_status``."""
    (row,) = [r for r in world.rows("repayment_status", month) if r["account_id"] == account_id]
    return row


def without_overdue(segment: Record) -> Record:
    """Segment H without the fields that say that nothing is overdue, after a look at them."""
    assert {tag: segment[tag] for tag in NOTHING_OVERDUE} == NOTHING_OVERDUE
    return {tag: segment[tag] for tag in MONTHLY_TAGS if tag not in NOTHING_OVERDUE}


# --- draws under an agreement --------------------------------------------------------------------


def test_a_loan_says_what_was_drawn_and_for_how_many_instalments(world: Lender) -> None:
    record = report(world, "2023-03", LOAN)
    assert (record["AcctBsSgmt"]["AcctType"], record["AcctBsSgmt"]["RptDateCode"]) == ("R4", "31")
    assert record["AcctBsInfSgmt"] == {
        "BusiLines": "1",
        "BusiDtlLines": "91",
        "OpenDate": "2023-03-05",
        "Cy": "CNY",
        "LoanAmt": "3000",
        "DueDate": "2023-06-05",  # no maturity is delivered: the last due date that is known
        "RepayMode": "11",
        "RepayFreqcy": "03",
        "RepayPrd": "3",
        "ApplyBusiDist": "330106",
        "GuarMode": "4",
        "OthRepyGuarWay": "0",
        "AssetTrandFlag": "0",
        "FundSou": "1",
        "LoanForm": "1",
    }
    assert record["AcctCredSgmt"] == {"Mcc": f"{REPORTER}{LOAN_AGREEMENT}"}


def test_its_instalments_count_down_to_the_closing_record(world: Lender) -> None:
    months = sent(world, LOAN)
    tags = ("RptDate", "RptDateCode", "Segments", "AcctBal", "RemRepPrd", "RpyStatus", "CurRpyAmt")
    found = [tuple(r[tag] for tag in tags) for records in months.values() for r in records]
    assert found == [
        ("2023-03-31", "31", "BCFH", "3000", "3", "*", "0"),
        ("2023-04-30", "30", "BH", "2000", "2", "N", "1000"),
        ("2023-05-31", "30", "BH", "1000", "1", "N", "1000"),
        ("2023-06-05", "20", "BH", "0", "0", "C", "1000"),
    ]
    (closing,) = months["2023-06"]
    assert (closing["CloseDate"], closing["AcctStatus"]) == ("2023-06-05", "3")


def test_its_agreement_stays_valid_for_the_next_draw(world: Lender) -> None:
    assert agreement(world, LOAN_AGREEMENT) == [("2023-03", "2023-03-31", "10", "5000", "1")]


def test_a_loan_settled_before_its_time_says_so(world: Lender) -> None:
    assert statuses(sent(world, SETTLED_EARLY)) == "-*NC----"
    record = report(world, "2023-04", SETTLED_EARLY)
    assert list(record) == ["AcctBsSgmt", "AcctMthlyBlgInfSgmt", SPECIAL]
    assert record[SPECIAL] == {
        "CagOfTrdNm": "1",
        "CagOfTrdInf": {
            "ChanTranType": "5",
            "TranDate": "2023-04-20",
            "TranAmt": "800",
            "DueTranMon": "4",
            "DetInfo": "",
        },
    }
    assert without_overdue(record["AcctMthlyBlgInfSgmt"]) == {
        "Month": "2023-04",
        "SettDate": "2023-04-20",
        "AcctStatus": "3",
        "AcctBal": "0",
        "RemRepPrd": "0",
        "FiveCate": "1",
        "FiveCateAdjDate": "2023-02-10",
        "RpyStatus": "C",
        "CurRpyAmt": "200",
        "ActRpyAmt": "1000",
        "LatRpyDate": "2023-04-20",
        "CloseDate": "2023-04-20",
    }


# --- openings and closings -----------------------------------------------------------------------


def test_opened_reported_and_closed_in_one_month(world: Lender) -> None:
    months = sent(world, ONE_MONTH)
    assert statuses(months) == "-C------"
    (only,) = months["2023-02"]
    assert (only["RptDate"], only["RptDateCode"], only["Segments"]) == ("2023-02-20", "20", "BCFH")
    assert (only["ActRpyAmt"], only["CloseDate"]) == ("81", "2023-02-20")
    assert agreement(world, ONE_MONTH) == [("2023-02", "2023-02-20", "20", "1000", "2")]
    number = report(world, "2023-02", ONE_MONTH)["AcctBsSgmt"]["IDNum"]
    (person,) = about(world.settings.home, "2023-02", "110", number)
    assert person["BsSgmt"]["RptDate"] == "2023-02-20"


def test_closed_on_the_last_day_of_the_month(world: Lender) -> None:
    months = sent(world, LAST_DAY)
    codes = [(r["RptDate"], r["RptDateCode"]) for records in months.values() for r in records]
    assert codes == [("2023-02-28", "31"), ("2023-03-31", "30"), ("2023-04-30", "32")]
    assert months["2023-04"][0]["CloseDate"] == "2023-04-30"
    assert agreement(world, LAST_DAY)[-1] == ("2023-04", "2023-04-30", "20", "1000", "2")


def test_opened_on_the_last_day_of_the_month(world: Lender) -> None:
    months = sent(world, FIRST_DAY_IS_LAST)
    (first,), (second,) = months["2023-01"], months["2023-02"]
    assert (first["RptDateCode"], first["Segments"]) == ("10", "BCFH")
    assert first["LatRpyDate"] == "2023-01-31"
    assert (second["RptDateCode"], second["Segments"]) == ("30", "BH")


def test_a_closing_taken_back_shows_in_the_mart_and_ends_no_agreement_twice(world: Lender) -> None:
    march, april = (mart(world, month, REOPENED) for month in ("2023-03", "2023-04"))
    assert (march["repayment_status"], march["closed_on"]) == ("C", date(2023, 3, 15))
    assert (april["repayment_status"], april["closed_on"]) == ("*", None)
    assert reasons(world, REOPENED) == ["REPORTED"] * 8
    assert agreement(world, REOPENED) == [
        ("2023-01", "2023-01-31", "10", "1000", "1"),
        ("2023-03", "2023-03-15", "20", "1000", "2"),
    ]


def test_nothing_leaves_after_a_closing_record(world: Lender) -> None:
    """Needs the bureau rules: V46 withholds what comes after the closing that was taken back."""
    assert statuses(sent(world, REOPENED)) == "**C-----"
    journal = world.query(
        "select state, rule_ids from marts.submission_records "
        "where record_type = '210' and account_id = ? and report_month = ? and report_date = ?",
        REOPENED,
        date(2023, 4, 1),
        date(2023, 4, 30),
    )
    assert [(state, "V46" in (ids or "").split(", ")) for state, ids in journal] == [
        ("WITHHELD", True)
    ]


def test_a_closing_learnt_after_a_later_month_was_sent_waits_for_a_correction(
    world: Lender,
) -> None:
    assert statuses(sent(world, CLOSED_BEFORE)) == "*1-*----"
    journal = world.query(
        "select record_type, report_date::varchar, state, rule_ids from marts.submission_records "
        "where account_id = ? and report_month >= date '2023-05-01' "
        "and record_type in ('210', '220') order by all",
        CLOSED_BEFORE,
    )
    assert journal
    for record_type, report_date, state, rules in journal:
        assert (report_date, state) == ("2023-03-20", "WITHHELD"), (record_type, report_date)
        assert record_type == "220" or "V46" in (rules or "").split(", ")


# --- bad ends ------------------------------------------------------------------------------------


def test_a_sold_account_is_the_buyers(world: Lender) -> None:
    assert statuses(sent(world, TRANSFERRED)) == "-**G----"
    record = report(world, "2023-04", TRANSFERRED)
    assert list(record) == ["AcctBsSgmt", "AcctBsInfSgmt", "AcctMthlyBlgInfSgmt", SPECIAL]
    assert record["AcctBsSgmt"]["RptDateCode"] == "20"
    assert record["AcctBsInfSgmt"]["AssetTrandFlag"] == "1"
    assert record[SPECIAL]["CagOfTrdInf"] == {
        "ChanTranType": "13",
        "TranDate": "2023-04-20",
        "TranAmt": "700",
        "DueTranMon": "0",
        "DetInfo": "",
    }
    assert without_overdue(record["AcctMthlyBlgInfSgmt"]) == {
        "Month": "2023-04",
        "SettDate": "2023-04-20",
        "AcctStatus": "3",
        "AcctBal": "0",
        "RemRepPrd": "0",
        "FiveCate": "2",
        "FiveCateAdjDate": "2023-04-20",
        "RpyStatus": "G",
        "CurRpyAmt": "700",
        "ActRpyAmt": "0",
        "LatRpyDate": "2023-02-01",
        "CloseDate": "2023-04-20",
    }
    row = mart(world, "2023-04", TRANSFERRED)  # the mart keeps what the ledger says
    assert (row["balance"], row["overdue_total"]) == (Decimal("700.40"), Decimal("700.40"))
    assert agreement(world, TRANSFERRED)[-1] == ("2023-04", "2023-04-20", "20", "1000", "2")


def test_a_written_off_account_stays_open_as_bad_debt(world: Lender) -> None:
    months = sent(world, WRITTEN_OFF)
    assert statuses(months) == "*1234BBB"
    assert [r["Segments"] for r in months["2023-06"] + months["2023-07"]] == ["BHK", "BH"]
    record = report(world, "2023-06", WRITTEN_OFF)
    assert record[SPECIAL] == {
        "CagOfTrdNm": "1",
        "CagOfTrdInf": {
            "ChanTranType": "15",
            "TranDate": "2023-06-20",
            "TranAmt": "600",
            "DueTranMon": "0",
            "DetInfo": "",
        },
    }
    (june,), (august,) = months["2023-06"], months["2023-08"]
    shown = ("AcctStatus", "AcctBal", "TotOverd", "FiveCate", "FiveCateAdjDate", "RptDateCode")
    for month in (june, august):
        assert [month[tag] for tag in shown] == ["42", "600", "600", "5", "2023-06-30", "30"]
    assert (june["Oved91_180Princ"], june["OvedPrinc180"]) == ("600", "0")
    assert (august["Oved91_180Princ"], august["OvedPrinc180"]) == ("0", "600")


# --- persons -------------------------------------------------------------------------------------


def test_a_spouse_who_is_a_customer_and_signed_nothing_leaves_no_byte(world: Lender) -> None:
    book = RawBook()
    add_examples(book)
    add_stories(book)
    numbers = {row["customer_id"]: row["id_number"] for row in book.tables["customers"]}
    (person,) = about(world.settings.home, "2023-01", "110", numbers[f"C{MARRIED_TO_SILENT}"])
    spouse = person["SpsInfSgmt"]
    assert (spouse["MariStatus"], spouse["SpoName"], spouse["SpoIDNum"]) == ("99", "", "")
    files = [path.read_text(encoding="utf-8") for path in world.settings.submissions.rglob("*.txt")]
    assert any(numbers[f"C{MARRIED_TO_SILENT}"] in text for text in files)
    assert not any(numbers[f"C{SILENT}"] in text for text in files)


def test_of_a_changed_life_only_what_changed_is_told(world: Lender) -> None:
    number = report(world, "2023-01", LIFE_CHANGES)["AcctBsSgmt"]["IDNum"]
    months = {month: about(world.settings.home, month, "110", number) for month in WORLD_MONTHS}
    told = {
        month: [record["BsSgmt"]["RptDateCode"], *list(record)[1:]]
        for month, records in months.items()
        for record in records
    }
    (first,), (married,), (employed,), (renamed,) = filter(None, months.values())
    everything = list(first)[1:]
    assert len(everything) == 6
    assert told == {
        "2023-01": ["10", *everything],
        "2023-03": ["20", "SpsInfSgmt"],
        "2023-04": ["20", "OctpnInfSgmt"],
        "2023-05": ["10", *everything],  # under a new name the person is new to the bureau
    }
    assert (first["SpsInfSgmt"]["MariStatus"], first["SpsInfSgmt"]["SpoName"]) == ("99", "")
    assert (first["OctpnInfSgmt"]["EmpStatus"], first["OctpnInfSgmt"]["CpnName"]) == ("99", "")
    assert married["SpsInfSgmt"] == {
        "MariStatus": "21",
        "SpoName": "测试配偶",
        "SpoIDType": "2",
        "SpoIDNum": "P1234567",
        "SpoTel": "",
        "SpsCmpyNm": "",
        "SpsInfoUpDate": "2023-03-10",
    }
    assert employed["OctpnInfSgmt"]["EmpStatus"] == "11"
    assert employed["OctpnInfSgmt"]["CpnName"] == "测试 <甲> & 乙 公司"
    assert renamed["BsSgmt"]["Name"] == "测试新"
    assert renamed["FcsInfSgmt"]["FcsInfoUpDate"] == "2023-05-31"  # learnt on 2 June


def test_nothing_leaves_about_a_borrower_who_turns_out_a_minor(world: Lender) -> None:
    verdicts = reasons(world, TURNS_OUT_A_MINOR)
    assert verdicts == ["REPORTED"] * 3 + ["UNDERAGE"] * 5
    assert statuses(sent(world, TURNS_OUT_A_MINOR)) == "***-----"
    assert agreement(world, TURNS_OUT_A_MINOR) == [("2023-01", "2023-01-31", "10", "1000", "1")]


# --- agreements and institutions -----------------------------------------------------------------


def test_an_agreement_follows_its_limit_once_a_month(world: Lender) -> None:
    assert agreement(world, LIMITS_CHANGE) == [
        ("2023-01", "2023-01-31", "10", "1000", "1"),
        ("2023-03", "2023-03-31", "30", "2000", "1"),
        ("2023-05", "2023-05-31", "30", "1500", "1"),
        ("2023-07", "2023-07-31", "20", "0", "2"),
    ]
    lines = {
        month: record["AcctBsInfSgmt"]["AcctCredLine"]
        for month in WORLD_MONTHS
        for record in about(world.settings.home, month, "210", LIMITS_CHANGE)
        if "AcctBsInfSgmt" in record
    }
    assert lines == {"2023-01": "1000", "2023-03": "2000", "2023-05": "1500", "2023-07": "0"}


def test_each_institution_introduces_person_account_and_agreement(world: Lender) -> None:
    home = world.settings.home
    for account_id, reporter in zip(TWO_REPORTERS, (REPORTER, OTHER_REPORTER), strict=True):
        (record,) = about(home, "2023-01", "210", account_id, reporter)
        assert record["AcctCredSgmt"]["Mcc"] == f"{reporter}{account_id}"
        assert record["AcctBsSgmt"]["MngmtOrgCode"] == reporter
        (opening,) = about(home, "2023-01", "220", account_id, reporter)
        assert opening["CtrctBsSgmt"]["MngmtOrgCode"] == reporter
        number = record["AcctBsSgmt"]["IDNum"]
        (person,) = about(home, "2023-01", "110", number, reporter)
        assert (person["BsSgmt"]["Cimoc"], person["BsSgmt"]["InfSurcCode"]) == (reporter, reporter)
    districts = [
        about(home, "2023-01", "210", account_id, reporter)[0]["AcctBsInfSgmt"]["ApplyBusiDist"]
        for account_id, reporter in zip(TWO_REPORTERS, (REPORTER, OTHER_REPORTER), strict=True)
    ]
    assert districts == ["500103", "500112"]


def test_an_institution_that_was_not_named_learns_nothing(world: Lender) -> None:
    named, not_named = ONE_OF_TWO
    assert reasons(world, not_named) == ["REPORTER_NOT_NAMED"] * 8
    number = report(world, "2023-01", named)["AcctBsSgmt"]["IDNum"]
    folder = world.settings.submissions / OTHER_REPORTER
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.*"))
    assert read_month(world.settings.home, "2023-01")[OTHER_REPORTER].records("210")
    assert number not in text
    assert not_named not in text
    assert f"测试C{named}" not in text


def test_an_agreement_of_two_customers_names_neither_of_them(world: Lender) -> None:
    home = world.settings.home
    assert about(home, "2023-01", "220", SHARED_AGREEMENT) == []
    files = [
        path.read_text(encoding="utf-8")
        for path in world.settings.submissions.rglob("*.*")
        if path.suffix in (".txt", ".json")
    ]
    for customer in (AGREED, SILENT):
        assert reasons(world, customer) == []
        assert not [text for text in files if f"测试C{customer}" in text]


# --- a month in which the account's own row is quarantined --------------------------------------


def test_the_month_of_a_quarantined_account_is_owed_and_follows(world: Lender) -> None:
    months = sent(world, ABSENT)
    assert months.get("2023-05", []) == []
    assert [r["RptDate"] for r in months["2023-06"]] == ["2023-05-31", "2023-06-30"]
    owed = {
        month: [
            (str(row["owed_month"]), row["held_back_by"])
            for row in world.rows("months_owed", month)
            if row["account_id"] == ABSENT
        ]
        for month in ("2023-04", "2023-05", "2023-06")
    }
    assert owed == {
        "2023-04": [],
        "2023-05": [("2023-05-01", "ACCOUNT_NOT_IN_THE_DATA")],
        "2023-06": [],
    }


def test_why_names_the_rule_of_a_quarantined_account(world: Lender) -> None:
    answer = str(explain(ABSENT, "2023-05", world.settings))
    rule = "PRODUCT_CODE_MISSING (The row names no product.)"
    assert re.search(
        rf"NO, not for month 2023-05: row \w+ of accounts .*for {re.escape(rule)}", answer
    )
    assert "Records in files: 4" in answer
    assert "Still pending: 2023-05" in answer
    assert "Since then: the record of 2023-05-31 is in " in answer


def test_why_answers_an_account_that_the_month_lacks_beside_the_others(
    world: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((customer,),) = world.query(
        "select distinct customer_id from marts.accounts_known where account_id = ?", ABSENT
    )
    with open_published(world.settings) as connection:
        found = facts.accounts_without_verdict(connection, customer, date(2023, 5, 1))
        assert (found, facts.accounts_without_verdict(connection, customer, date(2023, 4, 1))) == (
            [ABSENT],
            [],
        )
    ((other, accounts),) = world.query(
        "select customer_id, count(*) from marts.reportable_population "
        "where report_month = '2023-05-01' group by all order by all limit 1"
    )
    monkeypatch.setattr(facts, "accounts_without_verdict", lambda *_: found)
    answer = str(explain(other, "2023-05", world.settings))
    assert f"Customer {other}, {accounts + 1} account(s)" in answer
    assert f"{ABSENT}: NO, not for month 2023-05" in answer
