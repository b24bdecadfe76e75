"""What the landed bills must hold before a month is built."""

from reporting.checks.vocabulary import newest_row, no_row, some_row

TABLE = "bills"
KEY = "bill_id"

# The newest version of each instalment.
INSTALMENTS = (
    "from (select bill_id, max_by(account_id, recorded_at) as account_id,"
    " max_by(period_number, recorded_at) as period_number from {batch}"
    " where period_number is not null and recorded_at <= {as_of} group by bill_id) as instalments"
)

EXPECTATIONS = [
    some_row(
        "landing.bills.delivered",
        "warning",
        "Bills are delivered and recorded by the cut-off.",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.bills.key_filled",
        "critical",
        "A bill has an id and names its account (1 % of the rows may be quarantined).",
        "bill_id is not null and account_id is not null",
        KEY,
        tolerated=0.01,
    ),
    some_row(
        "landing.bills.month_present",
        "warning",
        "Some bill falls due in the report month: its extract was not forgotten.",
        "due_on between {report_month} and {month_end} and recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.bills.due_plausible",
        "warning",
        "A bill is due within 400 days of its statement.",
        "coalesce(due_on - statement_on <= 400, true)",
        KEY,
    ),
    newest_row(
        "landing.bills.period_in_plan",
        "warning",
        "The period of an instalment lies in its plan.",
        "coalesce(period_number between 1 and period_count, true)",
        KEY,
    ),
    no_row(
        "landing.bills.period_once",
        "warning",
        "A period of a plan is billed once.",
        f"{INSTALMENTS} group by account_id, period_number having count(*) > 1",
        key="account_id",
    ),
    no_row(
        "landing.bills.period_gap",
        "warning",
        "No period of a plan is missing between two that are billed.",
        f"{INSTALMENTS} group by account_id"
        " having max(period_number) - min(period_number) + 1 > count(distinct period_number)",
        key="account_id",
    ),
]
