"""What the landed bills must hold before a month is built."""

from reporting.sentences import each_row, no_row

TABLE = "bills"
KEY = "bill_id"

EXPECTATIONS = [
    no_row(
        "landing.bills.delivered",
        "warning",
        "Bills are delivered and recorded by the cut-off.",
        "from {batch} having count_if(recorded_at <= {as_of}) = 0",
    ),
    each_row(
        "landing.bills.key_filled",
        "critical",
        "A bill has an id and names its account (1 % of the rows may be quarantined).",
        "bill_id is not null and account_id is not null",
        tolerated=0.01,
    ),
    no_row(
        "landing.bills.month_present",
        "warning",
        "Some bill falls due in the report month: its extract was not forgotten.",
        "from {batch} having count_if(due_on between {report_month} and {month_end}"
        " and recorded_at <= {as_of}) = 0",
    ),
]
