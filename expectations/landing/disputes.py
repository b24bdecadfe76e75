"""What the landed disputes must hold before a month is built; the feed may be empty."""

from reporting.sentences import each_row

TABLE = "disputes"

EXPECTATIONS = [
    each_row(
        "landing.disputes.key_filled",
        "critical",
        "A dispute has an id and names its account (1 % of the rows may be quarantined).",
        "dispute_id is not null and account_id is not null",
        tolerated=0.01,
    ),
]
