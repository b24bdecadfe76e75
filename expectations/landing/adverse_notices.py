"""What the landed adverse notices must hold before a month is built; the feed may be empty."""

from reporting.checks.vocabulary import newest_row, some_row

TABLE = "adverse_notices"
KEY = "notice_id"

EXPECTATIONS = [
    some_row(
        "landing.adverse_notices.delivered",
        "info",
        "Adverse notices are delivered; without any, every adverse month waits (NOTICE_PENDING).",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.adverse_notices.key_filled",
        "critical",
        "A notice has an id and names its account (1 % of the rows may be quarantined).",
        "notice_id is not null and account_id is not null",
        KEY,
        tolerated=0.01,
    ),
]
