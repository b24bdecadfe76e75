"""What the landed adverse notices must hold before a month is built; the feed may be empty."""

from reporting.sentences import each_row, the_table

TABLE = "adverse_notices"
KEY = "notice_id"

EXPECTATIONS = [
    the_table(
        "landing.adverse_notices.delivered",
        "info",
        "Adverse notices are delivered; without any, every adverse month waits (NOTICE_PENDING).",
        "count_if(recorded_at <= {as_of}) > 0",
    ),
    each_row(
        "landing.adverse_notices.key_filled",
        "critical",
        "A notice has an id and names its account (1 % of the rows may be quarantined).",
        "notice_id is not null and account_id is not null",
        tolerated=0.01,
    ),
]
