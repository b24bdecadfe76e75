"""What the landed transactions must hold before a month is built."""

from reporting.checks.vocabulary import newest_row, no_row, some_row

TABLE = "transactions"
KEY = "transaction_id"

IN_THE_MONTH = "occurred_at >= {report_month} and occurred_at < {month_end} + interval 1 day"

# The table has many millions of rows: a month checks its own, earlier months have checked theirs.
EXPECTATIONS = [
    some_row(
        "landing.transactions.delivered",
        "critical",
        "Transactions are delivered and recorded by the cut-off.",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.transactions.key_filled",
        "critical",
        "A transaction recorded since the month began has an id and names its account"
        " (1 % of the rows may be quarantined).",
        "transaction_id is not null and account_id is not null",
        KEY,
        tolerated=0.01,
        among="recorded_at >= {report_month}",
    ),
    some_row(
        "landing.transactions.fresh",
        "warning",
        "The newest transaction known at the cut-off was recorded in the 10 days before it.",
        "recorded_at <= {as_of} and recorded_at >= {as_of} - interval 10 day",
    ),
    some_row(
        "landing.transactions.month_present",
        "warning",
        "Some transaction happened in the report month: its extract was not forgotten.",
        f"recorded_at <= {{as_of}} and {IN_THE_MONTH}",
    ),
    no_row(
        "landing.transactions.month_forgotten",
        "critical",
        "Where 200 transactions happened in the month before, some happened in the report month.",
        "from (select count(*) filter (where occurred_at >= {report_month}) as in_month,"
        " count(*) filter (where occurred_at < {report_month}) as in_month_before"
        " from {batch} where recorded_at <= {as_of}"
        " and occurred_at >= {report_month} - interval 1 month"
        " and occurred_at < {month_end} + interval 1 day) as months"
        " where in_month = 0 and in_month_before >= 200",
    ),
    newest_row(
        "landing.transactions.happened_first",
        "warning",
        "A transaction since the month began happened before it was recorded (compared by day, with"
        " one day of grace).",
        "coalesce(occurred_at::date - recorded_at::date <= 1, true)",
        KEY,
        among="occurred_at >= {report_month}",
    ),
]
