"""Segments and elements of the records 110, 220 and 210 (bureau-interface 2)."""

from bureau_simulator import codes
from bureau_simulator.elements import (
    Check,
    Element,
    day,
    digits,
    letters,
    month,
    one_of,
    person_name,
    text,
    whole_number,
)
from bureau_simulator.shapes import Layout, Segment

AMOUNT = whole_number(15)
COUNT = whole_number(3)
FREE_TEXT = text(200)  # where bureau-interface gives no length


def _optional(tag: str, check: Check = FREE_TEXT) -> Element:
    return Element(tag, check, required=False)


def _record_type(code: str) -> Element:
    return Element("InfRecType", one_of(frozenset({code})))


_THREE_MARKS = (  # name, document type and number: they identify a person
    Element("Name", person_name(30)),
    Element("IDType", one_of(codes.ID_TYPES)),
    Element("IDNum", letters(20)),
)

PERSON = Layout(
    "110",
    "InBasInf",
    (
        Segment(
            "BsSgmt",
            "BsSgmt",
            (
                _record_type("110"),
                *_THREE_MARKS,
                Element("InfSurcCode", letters(20)),
                Element("RptDate", day),
                Element("RptDateCode", one_of(codes.REPORT_CODES_PERSON)),
                Element("Cimoc", letters(14, exactly=True)),
                Element("CustomerType", one_of(codes.CUSTOMER_TYPES)),
            ),
        ),
        Segment(
            "FcsInfSgmt",
            "FcsInfSgmt",
            (
                Element("Sex", one_of(codes.SEXES)),
                Element("DOB", day),
                _optional("Nation", letters(3, exactly=True)),
                _optional("HouseAdd", text(100)),
                _optional("HhDist", digits(6)),
                _optional("CellPhone", letters(11)),
                _optional("Email", text(60)),
                Element("FcsInfoUpDate", day),
            ),
        ),
        Segment(
            "SpsInfSgmt",
            "SpsInfSgmt",
            (
                Element("MariStatus", one_of(codes.MARITAL_STATUSES)),
                _optional("SpoName", person_name(30)),
                _optional("SpoIDType", one_of(codes.ID_TYPES)),
                _optional("SpoIDNum", letters(20)),
                _optional("SpoTel"),
                _optional("SpsCmpyNm"),
                Element("SpsInfoUpDate", day),
            ),
        ),
        Segment(
            "EduInfSgmt",
            "EduInfSgmt",
            (
                Element("EduLevel", one_of(codes.EDUCATION_LEVELS)),
                Element("AcaDegree", one_of(codes.DEGREES)),
                Element("EduInfoUpDate", day),
            ),
        ),
        Segment(
            "OctpnInfSgmt",
            "OctpnInfSgmt",
            (
                Element("EmpStatus", one_of(codes.EMPLOYMENT_STATUSES)),
                *map(
                    _optional,
                    ["CpnName", "CpnType", "Industry", "CpnAddr", "CpnPc", "CpnDist", "CpnTEL"],
                ),
                *map(_optional, ["Occupation", "Title", "TechTitle"]),
                _optional("WorkStartDate"),  # a date or a year: the source does not say
                Element("OctpnInfoUpDate", day),
            ),
        ),
        Segment(
            "RedncInfSgmt",
            "RedncInfSgmt",
            (
                Element("ResiStatus", one_of(codes.RESIDENCE_STATUSES)),
                *map(_optional, ["ResiAddr", "ResiPc", "ResiDist", "HomeTel"]),
                Element("ResiInfoUpDate", day),
            ),
        ),
        Segment(
            "MlgInfSgmt",
            "MlgInfSgmt",
            (
                *map(_optional, ["MailAddr", "MailPc", "MailDist"]),
                Element("MlgInfoUpDate", day),
            ),
        ),
    ),
    key=("InfSurcCode", "Name", "IDType", "IDNum"),
)

AGREEMENT = Layout(
    "220",
    "InCtrctInf",
    (
        Segment(
            "CtrctBsSgmt",
            "CtrctBsSgmt",
            (
                _record_type("220"),
                Element("ContractCode", letters(60)),
                Element("RptDate", day),
                Element("RptDateCode", one_of(codes.REPORT_CODES_AGREEMENT)),
                *_THREE_MARKS,
                Element("MngmtOrgCode", letters(14, exactly=True)),
            ),
        ),
        Segment(
            "CreditLimSgmt",
            "CreditLimSgmt",
            (
                Element("CreditLimType", one_of(codes.LIMIT_TYPES)),
                Element("LimLoopFlg", one_of(codes.YES_NO)),
                Element("CreditLim", AMOUNT),
                Element("Cy", letters(3, exactly=True)),
                Element("ConEffDate", day),
                Element("ConExpDate", day),
                Element("ConStatus", one_of(codes.AGREEMENT_STATUSES)),
                _optional("CreditRest", AMOUNT),
                _optional("CreditRestCode", letters(60)),
            ),
        ),
    ),
    key=("ContractCode",),
)

# Elements whose presence depends on the account type are optional here; BLD000 covers them.
ACCOUNT = Layout(
    "210",
    "InAcctInf",
    (
        Segment(
            "AcctBsSgmt",
            "B",
            (
                _record_type("210"),
                Element("AcctType", one_of(codes.ACCOUNT_TYPES)),
                Element("AcctCode", letters(60)),
                Element("RptDate", day),
                Element("RptDateCode", one_of(codes.REPORT_CODES_ACCOUNT)),
                *_THREE_MARKS,
                Element("MngmtOrgCode", letters(14, exactly=True)),
            ),
        ),
        Segment(
            "AcctBsInfSgmt",
            "C",
            (
                Element("BusiLines", one_of(codes.BUSINESS_LINES)),
                Element("BusiDtlLines", one_of(codes.BUSINESS_DETAILS)),
                Element("OpenDate", day),
                Element("Cy", letters(3, exactly=True)),
                _optional("AcctCredLine", AMOUNT),
                _optional("LoanAmt", AMOUNT),
                _optional("Flag", digits(1)),
                _optional("DueDate", day),
                Element("RepayMode", one_of(codes.REPAYMENT_MODES)),
                Element("RepayFreqcy", one_of(codes.REPAYMENT_FREQUENCIES)),
                _optional("RepayPrd", COUNT),
                Element("ApplyBusiDist", digits(6)),
                Element("GuarMode", one_of(codes.GUARANTEE_MODES)),
                Element("OthRepyGuarWay", one_of(codes.OTHER_GUARANTEES)),
                Element("AssetTrandFlag", one_of(codes.YES_NO)),
                Element("FundSou", one_of(codes.FUND_SOURCES)),
                Element("LoanForm", one_of(codes.LOAN_FORMS)),
                _optional("CreditID", letters(4, exactly=True)),
                _optional("LoanConCode"),
                _optional("FirstHouLoanFlag", letters(2)),
            ),
        ),
        Segment("AcctCredSgmt", "F", (Element("Mcc", letters(60)),)),
        Segment(
            "AcctMthlyBlgInfSgmt",
            "H",
            (
                Element("Month", month),
                Element("SettDate", day),
                Element("AcctStatus", letters(2)),
                Element("AcctBal", AMOUNT),
                *(_optional(tag, AMOUNT) for tag in ("PridAcctBal", "UsedAmt", "NotIsuBal")),
                _optional("RemRepPrd", COUNT),
                Element("FiveCate", one_of(codes.FIVE_CLASSES)),
                Element("FiveCateAdjDate", day),
                Element("RpyStatus", one_of(codes.REPAYMENT_STATUSES)),
                _optional("RpyPrct", COUNT),
                _optional("OverdPrd", COUNT),
                _optional("TotOverd", AMOUNT),
                _optional("OverdPrinc", AMOUNT),
                _optional("Oved31_60Princ", AMOUNT),
                _optional("Oved61_90Princ", AMOUNT),
                _optional("Oved91_180Princ", AMOUNT),
                _optional("OvedPrinc180", AMOUNT),
                _optional("OvedrawBaOve180", AMOUNT),
                _optional("CurRpyAmt", AMOUNT),
                Element("ActRpyAmt", AMOUNT),
                Element("LatRpyDate", day),
                _optional("CloseDate", day),
            ),
        ),
        Segment(
            "AcctDbtInfSgmt",
            "J",
            (
                Element("AcctStatus", letters(2)),
                Element("AcctBal", AMOUNT),
                Element("FiveCate", one_of(codes.FIVE_CLASSES)),
                Element("FiveCateAdjDate", day),
                _optional("RemRepPrd", COUNT),
                Element("RpyStatus", one_of(codes.REPAYMENT_STATUSES)),
                Element("OverdPrd", COUNT),
                Element("TotOverd", AMOUNT),
                Element("LatRpyAmt", AMOUNT),
                Element("LatRpyDate", day),
                _optional("CloseDate", day),
            ),
        ),
        Segment(
            "AcctSpecTrstDspnSgmt",
            "K",
            (Element("CagOfTrdNm", COUNT),),
            item_tag="CagOfTrdInf",
            item=(
                Element("ChanTranType", one_of(codes.SPECIAL_TRANSACTIONS)),
                Element("TranDate", day),
                Element("TranAmt", AMOUNT),
                Element("DueTranMon", COUNT),
                _optional("DetInfo", text(200)),
            ),
            count="CagOfTrdNm",
        ),
    ),
    key=("AcctCode",),
)

BY_TYPE = {layout.record_type: layout for layout in (PERSON, AGREEMENT, ACCOUNT)}
