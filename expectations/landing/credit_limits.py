"""What the landed credit limits must hold before a month is built."""

from reporting.checks.vocabulary import newest_row, some_row

TABLE = "credit_limits"
KEY = "concat_ws('|', account_id, effective_on)"

EXPECTATIONS = [
    some_row(
        "landing.credit_limits.delivered",
        "warning",
        "Credit limits are delivered and recorded by the cut-off.",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.credit_limits.key_filled",
        "critical",
        "A limit names its account and its first day (1 % of the rows may be quarantined).",
        "account_id is not null and effective_on is not null",
        KEY,
        tolerated=0.01,
    ),
]
