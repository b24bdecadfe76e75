"""The worked example of the bureau interface, section 6, month by month through the pipeline.

What must come out is written here as it stands in the interface; nothing of it is computed.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from oracle.raw_rows import REPORTER
from oracle.worked_example import (
    EXAMPLE,
    LATE_CONSENT,
    LATE_NOTICE,
    LATE_PAYMENT,
    RUN_OFF,
    STOPPED,
)
from support.lender_months import WORLD_MONTHS, Lender, build
from support.sent_records import about, reasons, sent, shown, statuses

# Section 6.2; days are of 2023.
TABLE = """
RptDate         01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-15
RptDateCode     31    30    30    30    30    30    30    20
Segments        BCFH  BH    BH    BH    BH    BH    BH    BH
Month           01    02    03    04    05    06    07    08
SettDate        01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-15
AcctStatus      1     1     2     2     2     1     1     3
AcctBal         1200  2600  2800  2800  2800  800   0     0
RemRepPrd       1     3     2     1     0     1     0     0
FiveCate        1     1     2     2     2     1     1     1
FiveCateAdjDate 01-05 01-05 03-31 03-31 03-31 06-18 06-18 06-18
RpyStatus       *     N     1     2     3     M     N     C
OverdPrd        0     0     1     2     3     0     0     0
TotOverd        0     0     2021  2556  2898  0     0     0
OverdPrinc      0     0     2000  2500  2800  0     0     0
Oved31_60Princ  0     0     0     2000  500   0     0     0
Oved61_90Princ  0     0     0     0     2000  0     0     0
Oved91_180Princ 0     0     0     0     0     0     0     0
OvedPrinc180    0     0     0     0     0     0     0     0
CurRpyAmt       0     1200  2000  500   300   0     800   0
ActRpyAmt       0     1200  0     0     0     2923  800   0
LatRpyDate      01-05 02-09 02-09 02-09 02-09 06-18 07-10 07-10
CloseDate       -     -     -     -     -     -     -     08-15
"""
# The mart of the same account, to the cent.
MART = """
days_past_due     0       0       21      51      82      0      0      0
overdue_total     0.00    0.00    2021.00 2556.00 2897.90 0.00   0.00   0.00
overdue_principal 0.00    0.00    2000.00 2500.00 2800.00 0.00   0.00   0.00
overdue_principal_31_60 0.00 0.00 0.00    2000.00 500.00  0.00   0.00   0.00
overdue_principal_61_90 0.00 0.00 0.00    0.00    2000.00 0.00   0.00   0.00
balance           1200.00 2600.00 2800.00 2800.00 2800.00 800.00 0.00   0.00
credit_balance    0.00    0.00    0.00    0.00    0.00    0.00   0.00   0.00
charges_unpaid    0.00    0.00    21.00   56.00   97.90   0.00   0.00   0.00
amount_due        0.00    1200.00 2000.00 500.00  300.00  0.00   800.00 0.00
amount_paid       0.00    1200.00 0.00    0.00    0.00    2923.10 800.00 0.00
credit_limit      10000.00 10000.00 10000.00 10000.00 10000.00 10000.00 10000.00 10000.00
repayment_status  *       N       1       2       3       M      N      C
account_status    1       1       2       2       2       1      1      3
overdue_periods   0       0       1       2       3       0      0      0
remaining_periods 1       3       2       1       0       1      0      0
five_tier_class   1       1       2       2       2       1      1      1
last_paid_on      None    2023-02-09 2023-02-09 2023-02-09 2023-02-09 2023-06-18 2023-07-10 2023-07-10
oldest_unpaid_due_on None None 2023-03-10 2023-03-10 2023-03-10 None None None
closed_on         None    None    None    None    None    None   None   2023-08-15
"""  # noqa: E501


def table(text: str) -> list[dict[str, str]]:
    """The columns of a table whose rows begin with their name."""
    rows = {name: values for name, *values in map(str.split, text.strip().splitlines())}
    return [dict(zip(rows, column, strict=True)) for column in zip(*rows.values(), strict=True)]


def full(name: str, value: str) -> str:
    """A value of the table as it stands in the record: days and months with their year."""
    is_time = name == "Month" or name.endswith("Date")
    return "" if value == "-" else f"2023-{value}" if is_time else value


EXPECTED = {
    f"2023-{column['Month']}": {name: full(name, value) for name, value in column.items()}
    for column in table(TABLE)
}


# --- the example ---------------------------------------------------------------------------------


@pytest.mark.parametrize("month", WORLD_MONTHS)
def test_every_field_of_every_month_is_that_of_the_table(world: Lender, month: str) -> None:
    assert sent(world, EXAMPLE)[month] == [EXPECTED[month]]


def test_the_marts_hold_the_example_to_the_cent(world: Lender) -> None:
    for month, expected in zip(WORLD_MONTHS, table(MART), strict=True):
        (found,) = [r for r in world.rows("repayment_status", month) if r["account_id"] == EXAMPLE]
        assert {name: str(found[name]) for name in expected} == expected, month
    assert reasons(world, EXAMPLE) == ["REPORTED"] * 8


def test_who_and_what_the_account_is_stands_in_its_first_record(world: Lender) -> None:
    (record,) = about(world.settings.home, "2023-01", "210", EXAMPLE)
    assert record["AcctBsSgmt"] == {
        "InfRecType": "210",
        "AcctType": "R1",
        "AcctCode": "N101W1100H0017HB000001",
        "RptDate": "2023-01-31",
        "RptDateCode": "31",
        "Name": "测试甲",
        "IDType": "10",
        "IDNum": "110105199003078510",
        "MngmtOrgCode": "N101W1100H0017",
    }
    assert record["AcctBsInfSgmt"] == {
        "BusiLines": "1",
        "BusiDtlLines": "91",
        "OpenDate": "2023-01-05",
        "Cy": "CNY",
        "AcctCredLine": "10000",
        "DueDate": "2099-12-31",
        "RepayMode": "90",
        "RepayFreqcy": "03",
        "ApplyBusiDist": "500103",
        "GuarMode": "4",
        "OthRepyGuarWay": "0",
        "AssetTrandFlag": "0",
        "FundSou": "1",
        "LoanForm": "1",
    }
    assert record["AcctCredSgmt"] == {"Mcc": "N101W1100H0017HB000001"}


def test_the_line_of_march_is_that_of_the_interface(world: Lender) -> None:
    """Section 2.11, byte for byte."""
    (path,) = world.settings.submissions.glob(f"{REPORTER}/2023-03/*210*.txt")
    line = (
        "<Document><InAcctInf><AcctBsSgmt><InfRecType>210</InfRecType><AcctType>R1</AcctType>"
        "<AcctCode>N101W1100H0017HB000001</AcctCode><RptDate>2023-03-31</RptDate>"
        "<RptDateCode>30</RptDateCode><Name>测试甲</Name><IDType>10</IDType>"
        "<IDNum>110105199003078510</IDNum><MngmtOrgCode>N101W1100H0017</MngmtOrgCode></AcctBsSgmt>"
        "<AcctMthlyBlgInfSgmt><Month>2023-03</Month><SettDate>2023-03-31</SettDate>"
        "<AcctStatus>2</AcctStatus><AcctBal>2800</AcctBal><RemRepPrd>2</RemRepPrd>"
        "<FiveCate>2</FiveCate><FiveCateAdjDate>2023-03-31</FiveCateAdjDate>"
        "<RpyStatus>1</RpyStatus><OverdPrd>1</OverdPrd><TotOverd>2021</TotOverd>"
        "<OverdPrinc>2000</OverdPrinc><Oved31_60Princ>0</Oved31_60Princ>"
        "<Oved61_90Princ>0</Oved61_90Princ><Oved91_180Princ>0</Oved91_180Princ>"
        "<OvedPrinc180>0</OvedPrinc180><CurRpyAmt>2000</CurRpyAmt><ActRpyAmt>0</ActRpyAmt>"
        "<LatRpyDate>2023-02-09</LatRpyDate><CloseDate></CloseDate></AcctMthlyBlgInfSgmt>"
        "</InAcctInf></Document>"
    )
    assert line in path.read_text(encoding="utf-8").split("\n")


def test_the_person_is_introduced_once(world: Lender) -> None:
    months = {m: about(world.settings.home, m, "110", "110105199003078510") for m in WORLD_MONTHS}
    (record,) = months.pop("2023-01")
    assert not any(months.values())
    assert record == {
        "BsSgmt": {
            "InfRecType": "110",
            "Name": "测试甲",
            "IDType": "10",
            "IDNum": "110105199003078510",
            "InfSurcCode": "N101W1100H0017",
            "RptDate": "2023-01-31",
            "RptDateCode": "10",
            "Cimoc": "N101W1100H0017",
            "CustomerType": "11",
        },
        "FcsInfSgmt": {
            "Sex": "1",
            "DOB": "1990-03-07",
            "Nation": "CHN",
            "HouseAdd": "",
            "HhDist": "",
            "CellPhone": "13800000001",
            "Email": "jia@example.com",
            "FcsInfoUpDate": "2023-01-05",
        },
        "SpsInfSgmt": {
            "MariStatus": "21",
            "SpoName": "测试配偶",
            "SpoIDType": "10",
            "SpoIDNum": "110105199108155527",
            "SpoTel": "",
            "SpsCmpyNm": "",
            "SpsInfoUpDate": "2023-01-05",
        },
        "EduInfSgmt": {"EduLevel": "20", "AcaDegree": "4", "EduInfoUpDate": "2023-01-05"},
        "OctpnInfSgmt": {
            "EmpStatus": "11",
            "CpnName": "测试公司",
            **dict.fromkeys(("CpnType", "Industry", "CpnAddr", "CpnPc", "CpnDist", "CpnTEL"), ""),
            **dict.fromkeys(("Occupation", "Title", "TechTitle", "WorkStartDate"), ""),
            "OctpnInfoUpDate": "2023-01-05",
        },
        "RedncInfSgmt": {
            "ResiStatus": "9",
            "ResiAddr": "测试路 1 号",
            "ResiPc": "",
            "ResiDist": "110105",
            "HomeTel": "",
            "ResiInfoUpDate": "2023-01-05",
        },
        "MlgInfSgmt": {"MailAddr": "", "MailPc": "", "MailDist": "", "MlgInfoUpDate": "2023-01-05"},
    }


def test_the_agreement_opens_and_ends_with_the_account(world: Lender) -> None:
    months = {m: about(world.settings.home, m, "220", EXAMPLE) for m in WORLD_MONTHS}
    (opening,) = months.pop("2023-01")
    (ending,) = months.pop("2023-08")
    assert not any(months.values())
    base = {
        "InfRecType": "220",
        "ContractCode": "N101W1100H0017HB000001",
        "RptDate": "2023-01-31",
        "RptDateCode": "10",
        "Name": "测试甲",
        "IDType": "10",
        "IDNum": "110105199003078510",
        "MngmtOrgCode": "N101W1100H0017",
    }
    limit = {
        "CreditLimType": "10",
        "LimLoopFlg": "1",
        "CreditLim": "10000",
        "Cy": "CNY",
        "ConEffDate": "2023-01-05",
        "ConExpDate": "2099-12-31",
        "ConStatus": "1",
        "CreditRest": "",
        "CreditRestCode": "",
    }
    assert opening == {"CtrctBsSgmt": base, "CreditLimSgmt": limit}
    assert ending == {
        "CtrctBsSgmt": base | {"RptDate": "2023-08-15", "RptDateCode": "20"},
        "CreditLimSgmt": limit | {"ConStatus": "2"},
    }


# --- trap 8: consent signed later ----------------------------------------------------------------


def test_a_consent_signed_later_reports_the_true_state_from_then_on(world: Lender) -> None:
    months = sent(world, LATE_CONSENT)
    assert reasons(world, LATE_CONSENT) == ["NOT_AUTHORIZED"] * 3 + ["REPORTED"] * 5
    assert not (months["2023-01"] or months["2023-02"] or months["2023-03"])
    (april,) = months["2023-04"]
    assert april == EXPECTED["2023-04"] | {"RptDateCode": "31", "Segments": "BCFH"}
    assert (april["RpyStatus"], april["OverdPrd"], april["TotOverd"]) == ("2", "2", "2556")
    for month in WORLD_MONTHS[4:]:
        assert months[month] == [EXPECTED[month]]
    (agreement,) = about(world.settings.home, "2023-04", "220", LATE_CONSENT)
    assert agreement["CtrctBsSgmt"]["RptDate"] == "2023-04-30"


# --- trap 9: withdrawn with debt open ------------------------------------------------------------


def test_after_a_withdrawal_the_account_runs_off(world: Lender) -> None:
    months = sent(world, RUN_OFF)
    assert reasons(world, RUN_OFF) == ["REPORTED"] * 8
    assert statuses(months) == "*N123M*C"
    (july,), (august,) = months["2023-07"], months["2023-08"]
    assert (july["AcctBal"], july["CurRpyAmt"], july["RptDateCode"]) == ("0", "0", "30")
    assert (august["RptDateCode"], august["CloseDate"]) == ("20", "2023-08-15")


def test_or_it_stops_with_the_withdrawal(world: Lender) -> None:
    months = sent(world, STOPPED)
    assert reasons(world, STOPPED) == ["REPORTED"] * 4 + ["AUTHORIZATION_WITHDRAWN"] * 4
    assert statuses(months) == "*N12----"
    home = world.settings.home
    agreement = [record for m in WORLD_MONTHS for record in about(home, m, "220", STOPPED)]
    assert [record["CtrctBsSgmt"]["RptDate"] for record in agreement] == ["2023-01-31"]


# --- trap 10: a payment that arrives late --------------------------------------------------------


def test_a_late_payment_never_changes_the_month_that_was_built(world: Lender) -> None:
    assert sent(world, LATE_PAYMENT)["2023-05"] == [EXPECTED["2023-05"]]
    rows = world.rows("repayment_status", "2023-06")
    (june,) = [row for row in rows if row["account_id"] == LATE_PAYMENT]
    assert june["repayment_status"] == "*"
    assert (june["amount_due"], june["amount_paid"], june["balance"]) == (0, 0, 0)


def test_as_known_after_it_the_month_is_cured(world: Lender, tmp_path: Path) -> None:
    settings = world.settings.model_copy(update={"home": tmp_path / "home"})
    build(settings, "2023-05", as_of="2023-06-05")
    (record,) = about(settings.home, "2023-05", "210", LATE_PAYMENT)
    may = shown(record)
    assert (may["RpyStatus"], may["AcctBal"], may["TotOverd"]) == ("M", "0", "0")
    assert (may["ActRpyAmt"], may["LatRpyDate"]) == ("2898", "2023-05-31")
    assert (may["RptDateCode"], may["Segments"]) == ("31", "BCFH")


def test_the_month_after_it_waits_for_the_correction(world: Lender) -> None:
    """Needs the bureau rules: V69, status * does not follow a month that was sent as overdue."""
    journal = world.query(
        "select state, rule_ids from marts.submission_records where record_type = '210' "
        "and account_id = ? and report_date = ? and report_month = ?",
        LATE_PAYMENT,
        date(2023, 6, 30),
        date(2023, 6, 1),
    )
    assert journal == [("WITHHELD", "V69")]
    assert sent(world, LATE_PAYMENT)["2023-06"] == []


# --- a notice that arrives late ------------------------------------------------------------------


def test_a_month_held_for_its_notice_goes_out_with_the_next(world: Lender) -> None:
    months = sent(world, LATE_NOTICE)
    held = ["REPORTED"] * 2 + ["NOTICE_PENDING"] + ["REPORTED"] * 5
    assert reasons(world, LATE_NOTICE) == held  # the verdict of its own run stays
    assert months.pop("2023-03") == []
    assert months.pop("2023-04") == [EXPECTED["2023-03"], EXPECTED["2023-04"]]
    for month, records in months.items():
        assert records == [EXPECTED[month]]


def test_the_held_record_stands_in_the_journal_of_the_run_that_built_it(world: Lender) -> None:
    journal = world.query(
        "select report_month, report_date, repayment_status, overdue_total "
        "from marts.submission_records where record_type = '210' and account_id = ? "
        "order by report_date limit 4",
        LATE_NOTICE,
    )
    assert journal == [
        (date(2023, 1, 1), date(2023, 1, 31), "*", Decimal("0.00")),
        (date(2023, 2, 1), date(2023, 2, 28), "N", Decimal("0.00")),
        (date(2023, 4, 1), date(2023, 3, 31), "1", Decimal("2021.00")),
        (date(2023, 4, 1), date(2023, 4, 30), "2", Decimal("2556.00")),
    ]
