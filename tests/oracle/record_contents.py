"""What a record says: tags and values, from what is known about one account or person.

Sources: contracts, section 5 (values, rounding, what has no raw source); bureau interface, section
2 (tags). Records have the form that ``submission_reader`` returns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from .population import RESIDENT_ID, Consent
from .replay import CLOSED, ZERO, MonthEnd, last_day, transactions_up_to
from .submission_reader import Record, as_text, expected_monthly_segment, whole_yuan

Row = dict[str, Any]

NO_END = date(2099, 12, 31)
MARRIED = frozenset(("20", "21", "22", "23"))
EMPLOYED = frozenset(("11", "13", "17", "21", "24", "91"))
UNKNOWN = "99"
SPECIAL = "AcctSpecTrstDspnSgmt"
EARLY_SETTLEMENT, TRANSFER, WRITE_OFF = "5", "13", "15"
OF_THE_BUYER = (  # what a transferred account no longer owes to its seller
    "AcctBal",
    "RemRepPrd",
    "OverdPrd",
    "TotOverd",
    "OverdPrinc",
    "Oved31_60Princ",
    "Oved61_90Princ",
    "Oved91_180Princ",
    "OvedPrinc180",
)


@dataclass(frozen=True)
class Reading:
    """An account in one month, as a run reads it."""

    account: Row
    customer: Row | None
    policy: Row
    district: str | None  # the account's or its institution's
    bills: Sequence[Row]  # known at the cut-off
    transactions: Sequence[Row]
    consent: Consent  # at the report date
    is_sent: bool  # a record of it by an earlier run counts as sent
    verdict: Row
    report_date: date
    months: Sequence[MonthEnd]  # empty if the account is not open in the month
    status: Row  # of ``marts.repayment_status``; empty likewise

    @property
    def reason(self) -> str:
        """The verdict's reason."""
        return str(self.verdict["reason_code"])

    @property
    def reporter(self) -> str:
        """The institution that reports the account."""
        return str(self.account["reporter_code"])

    @property
    def agreement(self) -> str:
        """The agreement the account belongs to: of a draw its parent, else its own."""
        return str(self.account["parent_account_id"] or self.account["account_id"])

    @property
    def is_loan(self) -> bool:
        """Whether the account is of type R4."""
        return str(self.policy["account_type"]) == "R4"

    @property
    def is_closed(self) -> bool:
        """Whether the record is a closing record."""
        return self.status["repayment_status"] in CLOSED

    @property
    def is_transferred(self) -> bool:
        """Whether the account was sold."""
        return bool(self.status["repayment_status"] == "G")

    @property
    def due_date(self) -> date:
        """When the account ends."""
        known = [bill["due_on"] for bill in self.bills] if self.is_loan else []
        return self.account["matures_on"] or max(known, default=NO_END)

    def moved(self, kind: str) -> list[Row]:
        """Transactions of a kind up to the report date, without reversed ones, oldest first."""
        rows = transactions_up_to(self.transactions, self.report_date)
        return sorted(
            (row for row in rows if row["transaction_type"] == kind),
            key=lambda row: row["occurred_at"],
        )


def yuan(value: Decimal | None) -> str:
    """An amount in whole yuan; nothing for NULL."""
    return "" if value is None else str(whole_yuan(value))


def total(rows: Iterable[Row]) -> Decimal:
    """The sum of the rows' amounts."""
    return sum((row["amount"] for row in rows), ZERO)


# --- record 210 ----------------------------------------------------------------------------------


def basic_information(reading: Reading) -> Record:
    """Segment C."""
    account, policy = reading.account, reading.policy
    values: dict[str, object] = {
        "BusiLines": 1,
        "BusiDtlLines": policy["business_detail"],
        "OpenDate": account["opened_on"],
        "Cy": "CNY",
        "AcctCredLine": yuan(reading.status["credit_limit"]),
        "LoanAmt": yuan(total(reading.moved("cash_draw"))),
        "DueDate": reading.due_date,
        "RepayMode": policy["repay_mode"],
        "RepayFreqcy": policy["repay_frequency"],
        "RepayPrd": repayment_periods(reading),
        "ApplyBusiDist": reading.district,
        "GuarMode": 4,
        "OthRepyGuarWay": 0,
        "AssetTrandFlag": 1 if reading.is_transferred else 0,
        "FundSou": 1,
        "LoanForm": 1,
    }
    left_out = {"AcctCredLine"} if reading.is_loan else {"LoanAmt", "RepayPrd"}
    return {tag: as_text(value) for tag, value in values.items() if tag not in left_out}


def repayment_periods(reading: Reading) -> int:
    """Instalments of a draw: as the plan says, or the bills that are known; 0 for modes 2x."""
    if reading.policy["repay_mode"].startswith("2"):
        return 0
    planned = [bill["period_count"] for bill in reading.bills if bill["period_count"] is not None]
    return int(max(planned, default=len(reading.bills)))


def monthly_performance(reading: Reading) -> Record:
    """Segment H."""
    segment = expected_monthly_segment(reading.status, reading.account["opened_on"])
    return segment | dict.fromkeys(OF_THE_BUYER, "0") if reading.is_transferred else segment


def special_transactions(reading: Reading) -> list[Record]:
    """The items of segment K; nothing dated before the authorization."""
    month = reading.report_date.replace(day=1)
    items = []
    since = max(month, reading.verdict["authorized_on"])
    written_off = [r for r in reading.moved("write_off") if r["occurred_at"].date() >= since]
    if written_off:
        items.append((written_off[0]["occurred_at"].date(), WRITE_OFF, total(written_off), 0))
    closed_on = reading.status["closed_on"]
    if reading.is_transferred:
        items.append((closed_on, TRANSFER, reading.status["balance"], 0))
    if settled_early(reading):
        due = reading.due_date
        months = (due.year - closed_on.year) * 12 + due.month - closed_on.month
        items.append((closed_on, EARLY_SETTLEMENT, last_paid(reading), months))
    names = ("ChanTranType", "TranDate", "TranAmt", "DueTranMon", "DetInfo")
    return [
        dict(zip(names, (kind, as_text(on), yuan(value), str(moved), ""), strict=True))
        for on, kind, value, moved in items
        if on >= reading.verdict["authorized_on"]
    ]


def settled_early(reading: Reading) -> bool:
    """Whether a draw was settled before its time."""
    status = reading.status
    is_settled = reading.is_closed and not reading.is_transferred
    is_early = is_settled and status["closed_on"] < reading.due_date < NO_END
    return reading.is_loan and is_early


def last_paid(reading: Reading) -> Decimal:
    """The repayments of the day of the last repayment."""
    on = reading.status["last_paid_on"]
    return total(row for row in reading.moved("repayment") if row["occurred_at"].date() == on)


def account_code(reading: Reading) -> str:
    """The account's code with the bureau."""
    return f"{reading.reporter}{reading.account['account_id']}"


def account_record(reading: Reading, code: str) -> Record:
    """Record 210 with all its segments; whoever sends it leaves out C and F."""
    items = special_transactions(reading)
    record: Record = {
        "AcctBsSgmt": {
            "InfRecType": "210",
            "AcctType": reading.policy["account_type"],
            "AcctCode": account_code(reading),
            "RptDate": as_text(reading.report_date),
            "RptDateCode": code,
            **three_marks(reading.customer),
            "MngmtOrgCode": reading.reporter,
        },
        "AcctBsInfSgmt": basic_information(reading),
        "AcctCredSgmt": {"Mcc": f"{reading.reporter}{reading.agreement}"},
        "AcctMthlyBlgInfSgmt": monthly_performance(reading),
    }
    if items:
        repeated = items[0] if len(items) == 1 else items
        record[SPECIAL] = {"CagOfTrdNm": str(len(items)), "CagOfTrdInf": repeated}
    return record


def account_code_of_time(reading: Reading, is_first: bool) -> str:
    """The report-time code of record 210."""
    on = reading.report_date
    if reading.is_closed:
        return "32" if on == last_day(on) else "20"
    if not is_first:
        return "30"
    is_new = on == reading.account["opened_on"] and not special_transactions(reading)
    return "10" if is_new else "31"


# --- record 110 ----------------------------------------------------------------------------------


def three_marks(customer: Row | None) -> Record:
    """Name, ID type and number."""
    if customer is None:
        raise AssertionError("an account without a customer is never reported")
    names = (("Name", "name"), ("IDType", "id_type"), ("IDNum", "id_number"))
    return {tag: as_text(customer[column]) for tag, column in names}


def given(value: object, otherwise: str = "") -> str:
    """A delivered value; empty text counts as missing."""
    return as_text(value) or otherwise


def marriage(customer: Row) -> dict[str, str]:
    """Marital status, and the spouse of a married person; unnamed: unknown."""
    status = given(customer["marital_status"], UNKNOWN)
    is_married = status in MARRIED and given(customer["spouse_name"]) != ""
    names = (
        ("SpoName", "spouse_name"),
        ("SpoIDType", "spouse_id_type"),
        ("SpoIDNum", "spouse_id_number"),
    )
    return {
        "MariStatus": UNKNOWN if status in MARRIED and not is_married else status,
        **{tag: given(customer[column]) if is_married else "" for tag, column in names},
        "SpoTel": "",
        "SpsCmpyNm": "",
    }


def occupation(customer: Row) -> dict[str, str]:
    """Employment status, and the employer of an employed person; unnamed: unknown."""
    status = given(customer["employment_status"], UNKNOWN)
    is_employed = status in EMPLOYED and given(customer["employer_name"]) != ""
    empty = "CpnType Industry CpnAddr CpnPc CpnDist CpnTEL Occupation Title TechTitle WorkStartDate"
    return {
        "EmpStatus": UNKNOWN if status in EMPLOYED and not is_employed else status,
        "CpnName": given(customer["employer_name"]) if is_employed else "",
        **dict.fromkeys(empty.split(), ""),
    }


def personal_segments(customer: Row) -> dict[str, dict[str, str]]:
    """Every segment of record 110 but the base, without its update date."""
    return {
        "FcsInfSgmt": {
            "Sex": given(customer["sex"], "9"),
            "DOB": given(customer["birth_date"]),
            "Nation": "CHN" if customer["id_type"] == RESIDENT_ID else "",
            "HouseAdd": "",
            "HhDist": "",
            "CellPhone": given(customer["mobile_number"]),
            "Email": given(customer["email"]),
        },
        "SpsInfSgmt": marriage(customer),
        "EduInfSgmt": {
            "EduLevel": given(customer["education_level"], UNKNOWN),
            "AcaDegree": given(customer["academic_degree"], "9"),
        },
        "OctpnInfSgmt": occupation(customer),
        "RedncInfSgmt": {
            "ResiStatus": "9",
            "ResiAddr": given(customer["residence_address"]),
            "ResiPc": "",
            "ResiDist": given(customer["residence_district"]),
            "HomeTel": "",
        },
        "MlgInfSgmt": dict.fromkeys(("MailAddr", "MailPc", "MailDist"), ""),
    }


UPDATED = {
    "FcsInfSgmt": "FcsInfoUpDate",
    "SpsInfSgmt": "SpsInfoUpDate",
    "EduInfSgmt": "EduInfoUpDate",
    "OctpnInfSgmt": "OctpnInfoUpDate",
    "RedncInfSgmt": "ResiInfoUpDate",
    "MlgInfSgmt": "MlgInfoUpDate",
}


def personal_record(customer: Row, reporter: str, on: date, code: str) -> Record:
    """Record 110 with all its segments; whoever sends it leaves out what has not changed."""
    updated = as_text(min(customer["recorded_at"].date(), on))
    return {
        "BsSgmt": {
            "InfRecType": "110",
            **three_marks(customer),
            "InfSurcCode": reporter,
            "RptDate": as_text(on),
            "RptDateCode": code,
            "Cimoc": reporter,
            "CustomerType": "11",
        },
        **{
            tag: values | {UPDATED[tag]: updated}
            for tag, values in personal_segments(customer).items()
        },
    }


# --- record 220 ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Agreement:
    """A credit agreement as a run reads it."""

    reporter: str
    agreement_id: str
    customer: Row  # of its earliest opened account that may be reported
    opened_on: date  # when its first account opened
    limits: Sequence[Row]

    def limit_on(self, on: date) -> Decimal | None:
        """The limit in force at the end of the day."""
        in_force = [row for row in self.limits if row["effective_on"] <= on]
        newest = max(in_force, key=lambda row: row["effective_on"], default=None)
        return newest["credit_limit"] if newest else None

    def effective_from(self, on: date) -> date:
        """When its first limit took effect; of one without a limit by then, the opening."""
        days = [row["effective_on"] for row in self.limits if row["effective_on"] <= on]
        return min(days, default=self.opened_on)


def agreement_record(agreement: Agreement, on: date, code: str) -> Record:
    """Record 220."""
    limit: dict[str, object] = {
        "CreditLimType": 10,
        "LimLoopFlg": 1,
        "CreditLim": yuan(agreement.limit_on(on)),
        "Cy": "CNY",
        "ConEffDate": agreement.effective_from(on),
        "ConExpDate": NO_END,
        "ConStatus": 2 if code == "20" else 1,
        "CreditRest": None,
        "CreditRestCode": None,
    }
    return {
        "CtrctBsSgmt": {
            "InfRecType": "220",
            "ContractCode": f"{agreement.reporter}{agreement.agreement_id}",
            "RptDate": as_text(on),
            "RptDateCode": code,
            **three_marks(agreement.customer),
            "MngmtOrgCode": agreement.reporter,
        },
        "CreditLimSgmt": {tag: as_text(value) for tag, value in limit.items()},
    }
