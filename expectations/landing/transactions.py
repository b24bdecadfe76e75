"""What the landed transactions must hold before a month is built."""

from reporting.sentences import each_row, the_table

TABLE = "transactions"
KEY = "transaction_id"

IN_THE_MONTH = (
    "count(*) filter (where recorded_at <= {as_of} and occurred_at >= {report_month}"
    " and occurred_at < {month_end} + interval 1 day)"
)

EXPECTATIONS = [
    the_table(
        "landing.transactions.delivered",
        "critical",
        "Transactions are delivered and recorded by the cut-off.",
        "count_if(recorded_at <= {as_of}) > 0",
    ),
    each_row(
        "landing.transactions.key_filled",
        "critical",
        "A transaction has an id and names its account (1 % of the rows may be quarantined).",
        "transaction_id is not null and account_id is not null",
        tolerated=0.01,
    ),
    the_table(
        "landing.transactions.fresh",
        "warning",
        "The newest transaction known at the cut-off was recorded in the 10 days before it.",
        "max(recorded_at) filter (where recorded_at <= {as_of}) >= {as_of} - interval 10 day",
    ),
    the_table(
        "landing.transactions.month_present",
        "warning",
        "Money moved in the report month: its extract was not forgotten.",
        f"{IN_THE_MONTH} > 0",
    ),
    the_table(
        "landing.transactions.month_forgotten",
        "critical",
        "Where 200 transactions happened in the month before, some happened in the report month.",
        f"{IN_THE_MONTH} > 0"
        " or count(*) filter (where recorded_at <= {as_of} and occurred_at < {report_month}"
        " and occurred_at >= {report_month} - interval 1 month) < 200",
    ),
    each_row(  # of many millions the versions are not compared: a corrected row is told once more
        "landing.transactions.happened_first",
        "warning",
        "A transaction happened before it was recorded (by the day, one of grace).",
        "coalesce(recorded_at > {as_of} or occurred_at::date - recorded_at::date <= 1, true)",
    ),
]
