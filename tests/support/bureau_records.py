"""The worked example of section 6 of the bureau interface as the records that a lender sends."""

import random
from copy import deepcopy
from pathlib import Path
from typing import Any

from bureau_simulator import files
from bureau_simulator.judge import Wish, enter_file, judge
from bureau_simulator.messages import Message
from bureau_simulator.state import State

ORG = "N101W1100H0017"
ACCOUNT = f"{ORG}HB000001"
AGREEMENT = f"{ORG}AG000001"
MARKS = {"Name": "测试甲", "IDType": "10", "IDNum": "110105199003078510"}

Values = dict[str, str]
Body = dict[str, Values | list[Values]]

_OPENED = "2023-01-05"

# Tag -> January to August, as in section 6.2 of the bureau interface; dates without their year.
_MONTHS = {
    "SettDate": "01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-15",
    "AcctStatus": "1 1 2 2 2 1 1 3",
    "AcctBal": "1200 2600 2800 2800 2800 800 0 0",
    "RemRepPrd": "1 3 2 1 0 1 0 0",
    "FiveCate": "1 1 2 2 2 1 1 1",
    "FiveCateAdjDate": "01-05 01-05 03-31 03-31 03-31 06-18 06-18 06-18",
    "RpyStatus": "* N 1 2 3 M N C",
    "OverdPrd": "0 0 1 2 3 0 0 0",
    "TotOverd": "0 0 2021 2556 2898 0 0 0",
    "OverdPrinc": "0 0 2000 2500 2800 0 0 0",
    "Oved31_60Princ": "0 0 0 2000 500 0 0 0",
    "Oved61_90Princ": "0 0 0 0 2000 0 0 0",
    "Oved91_180Princ": "0 0 0 0 0 0 0 0",
    "OvedPrinc180": "0 0 0 0 0 0 0 0",
    "CurRpyAmt": "0 1200 2000 500 300 0 800 0",
    "ActRpyAmt": "0 1200 0 0 0 2923 800 0",
    "LatRpyDate": "01-05 02-09 02-09 02-09 02-09 06-18 07-10 07-10",
}
_CODES = ["31", "30", "30", "30", "30", "30", "30", "20"]


def person() -> Body:
    """The first basic information: record 110, code 10."""
    return {
        "BsSgmt": {
            "InfRecType": "110",
            **MARKS,
            "InfSurcCode": ORG,
            "RptDate": "2023-01-31",
            "RptDateCode": "10",
            "Cimoc": ORG,
            "CustomerType": "11",
        },
        "FcsInfSgmt": {
            "Sex": "1",
            "DOB": "1990-03-07",
            "Nation": "CHN",
            "HouseAdd": "测试路1号",
            "HhDist": "110105",
            "CellPhone": "13800000000",
            "Email": "a@example.invalid",
            "FcsInfoUpDate": _OPENED,
        },
        "SpsInfSgmt": {
            "MariStatus": "10",
            **dict.fromkeys(["SpoName", "SpoIDType", "SpoIDNum", "SpoTel", "SpsCmpyNm"], ""),
            "SpsInfoUpDate": _OPENED,
        },
        "EduInfSgmt": {"EduLevel": "20", "AcaDegree": "4", "EduInfoUpDate": _OPENED},
        "OctpnInfSgmt": {"EmpStatus": "11", "CpnName": "测试公司", "OctpnInfoUpDate": _OPENED},
        "RedncInfSgmt": {"ResiStatus": "9", "ResiAddr": "测试路1号", "ResiInfoUpDate": _OPENED},
        "MlgInfSgmt": {"MailAddr": "测试路1号", "MlgInfoUpDate": _OPENED},
    }


def agreement(date: str = "2023-01-31", code: str = "10", status: str = "1") -> Body:
    """The credit agreement: record 220."""
    return {
        "CtrctBsSgmt": {
            "InfRecType": "220",
            "ContractCode": AGREEMENT,
            "RptDate": date,
            "RptDateCode": code,
            **MARKS,
            "MngmtOrgCode": ORG,
        },
        "CreditLimSgmt": {
            "CreditLimType": "10",
            "LimLoopFlg": "1",
            "CreditLim": "10000",
            "Cy": "CNY",
            "ConEffDate": _OPENED,
            "ConExpDate": "2099-12-31",
            "ConStatus": status,
            "CreditRest": "",
            "CreditRestCode": "",
        },
    }


def month(number: int) -> Body:
    """The account record of one month of 2023, 1 to 8; the first one carries C and F."""
    values = {tag: row.split()[number - 1] for tag, row in _MONTHS.items()}
    values |= {tag: f"2023-{day}" for tag, day in values.items() if tag.endswith("Date")}
    body: Body = {
        "AcctBsSgmt": {
            "InfRecType": "210",
            "AcctType": "R1",
            "AcctCode": ACCOUNT,
            "RptDate": values["SettDate"],
            "RptDateCode": _CODES[number - 1],
            **MARKS,
            "MngmtOrgCode": ORG,
        }
    }
    if number == 1:
        body |= {"AcctBsInfSgmt": terms(), "AcctCredSgmt": {"Mcc": AGREEMENT}}
    closed_on = {"CloseDate": "2023-08-15" if number == 8 else ""}
    return body | {"AcctMthlyBlgInfSgmt": {"Month": f"2023-{number:02}"} | values | closed_on}


def terms() -> Values:
    """Segment C of the account."""
    return {
        "BusiLines": "1",
        "BusiDtlLines": "91",
        "OpenDate": _OPENED,
        "Cy": "CNY",
        "AcctCredLine": "10000",
        "DueDate": "2099-12-31",
        "RepayMode": "90",
        "RepayFreqcy": "03",
        "ApplyBusiDist": "110105",
        "GuarMode": "4",
        "OthRepyGuarWay": "0",
        "AssetTrandFlag": "0",
        "FundSou": "1",
        "LoanForm": "1",
    }


def recovery(date: str) -> Body:
    """A record with code 40: all arrears recovered."""
    return {
        "AcctBsSgmt": base(month(2)) | {"RptDate": date, "RptDateCode": "40"},
        "AcctDbtInfSgmt": {
            "AcctStatus": "1",
            "AcctBal": "0",
            "FiveCate": "1",
            "FiveCateAdjDate": date,
            "RemRepPrd": "0",
            "RpyStatus": "N",
            "OverdPrd": "0",
            "TotOverd": "0",
            "LatRpyAmt": "2923",
            "LatRpyDate": date,
            "CloseDate": "",
        },
    }


def special(count: str = "1") -> Body:
    """A segment K with one early repayment."""
    item = {
        "ChanTranType": "4",
        "TranDate": "2023-01-20",
        "TranAmt": "100",
        "DueTranMon": "0",
        "DetInfo": "",
    }
    return {"AcctSpecTrstDspnSgmt": {"CagOfTrdNm": count}, "CagOfTrdInf": [item]}


def base(body: Body) -> Values:
    """The base segment of a record."""
    first = next(iter(body.values()))
    assert isinstance(first, dict)
    return first


def changed(body: Body, path: str, value: str | None) -> Body:
    """A copy of a record with one element set, or left out where the value is None."""
    copy = deepcopy(body)
    segment, tag = path.split(".")
    values = copy[segment]
    assert isinstance(values, dict)
    if value is None:
        del values[tag]
    else:
        values[tag] = value
    return copy


def without(body: Body, segment: str) -> Body:
    """A copy of a record without one segment."""
    return {name: values for name, values in deepcopy(body).items() if name != segment}


def xml(body: Body) -> str:
    """The line of a record. The items of a list stand in the segment before them."""
    segments = ""
    for name, values in body.items():
        if isinstance(values, list):
            items = "".join(f"<{name}>{_elements(one)}</{name}>" for one in values)
            end = segments.rindex("</")
            segments = segments[:end] + items + segments[end:]
        else:
            segments += f"<{name}>{_elements(values)}</{name}>"
    root = {"110": "InBasInf", "220": "InCtrctInf", "210": "InAcctInf"}[base(body)["InfRecType"]]
    return f"<Document><{root}>{segments}</{root}></Document>"


def file_name(record_type: str, serial: int = 1, created: str = "20230905") -> str:
    """The name of a sealed file."""
    return f"{ORG}{created}{record_type}0{serial:03}0.enc"


def clear_file(name: str, lines: list[str]) -> bytes:
    """The clear bytes of a file: header and records."""
    template = "10" if name[22:25] == "110" else "  "
    header = f"A050{name[22:25]}2.0.0{template}{name[:14]}{name[14:22]}0800000{len(lines):07}"
    return ("\n".join([header, *lines]) + "\n").encode()


class Desk:
    """The record checks of the bureau without envelope and folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State(folder / "bureau.sqlite")
        self._files = 0

    def submit(
        self, *bodies: Body | str, created: str = "20230905", **options: Any
    ) -> dict[int, list[Message]]:
        """Judge and enter one file; return the messages by line."""
        lines = [body if isinstance(body, str) else xml(body) for body in bodies]
        kinds = [base(body)["InfRecType"] for body in bodies if not isinstance(body, str)]
        name = file_name(options.get("record_type", kinds[0] if kinds else "210"), created=created)
        parts = files.parse_name(name)
        submission = files.parse(parts, clear_file(name, lines))
        self._files += 1
        wishes: list[Wish] = options.get("wishes", [])
        dice = random.Random(options.get("seed", 0))  # noqa: S311 - as the bureau does
        with self.state.transaction():
            return enter_file(self.state, judge(submission), self._files, wishes, dice)

    def codes(self, *bodies: Body | str, **options: Any) -> list[str]:
        """The distinct codes that a file gets, in order."""
        found = self.submit(*bodies, **options)
        return sorted({message.code for messages in found.values() for message in messages})


def _elements(values: Values) -> str:
    return "".join(f"<{tag}>{value}</{tag}>" for tag, value in values.items())
