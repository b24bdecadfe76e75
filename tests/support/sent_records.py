"""What the submission files of the known stories say of an account, and the verdicts on it."""

from pathlib import Path

from oracle.raw_rows import REPORTER
from oracle.submission_reader import Record, read_month

from support.lender_months import WORLD_MONTHS, Lender

CODE_TAGS = {"110": ("BsSgmt", "IDNum"), "220": ("CtrctBsSgmt", "ContractCode")}
MONTHLY = "AcctMthlyBlgInfSgmt"

SEGMENTS = {
    "AcctBsSgmt": "B",
    "AcctBsInfSgmt": "C",
    "AcctCredSgmt": "F",
    MONTHLY: "H",
    "AcctSpecTrstDspnSgmt": "K",
}


def about(
    home: Path, month: str, record_type: str, subject: str, reporter: str = REPORTER
) -> list[Record]:
    """A month's records about one account or agreement (or ID number), in file order."""
    submission = read_month(home, month).get(reporter)
    segment, tag = CODE_TAGS.get(record_type, ("AcctBsSgmt", "AcctCode"))
    code = subject if record_type == "110" else f"{reporter}{subject}"
    found = submission.records(record_type) if submission else []
    return [record for record in found if record[segment][tag] == code]


def shown(record: Record) -> dict[str, str]:
    """A record 210 as a column of the table."""
    base = record["AcctBsSgmt"]
    letters = "".join(SEGMENTS[tag] for tag in record)
    head = {name: base[name] for name in ("RptDate", "RptDateCode")}
    return head | {"Segments": letters} | record[MONTHLY]


def sent(world: Lender, account_id: str) -> dict[str, list[dict[str, str]]]:
    """What each month's file says about an account."""
    home = world.settings.home
    return {
        month: [shown(record) for record in about(home, month, "210", account_id)]
        for month in WORLD_MONTHS
    }


def reasons(world: Lender, account_id: str) -> list[str]:
    """The verdict on an account, month by month."""
    return [
        reason
        for (reason,) in world.query(
            "select reason_code from marts.reportable_population where account_id = ? "
            "order by report_month",
            account_id,
        )
    ]


def statuses(months: dict[str, list[dict[str, str]]]) -> str:
    """The repayment statuses sent, a dash for a month whose file has none."""
    return "".join("".join(r["RpyStatus"] for r in records) or "-" for records in months.values())
