"""What the landed internal scores must hold before a month is built; the feed may be empty."""

from reporting.checks.vocabulary import newest_row

TABLE = "internal_scores"
KEY = "concat_ws('|', customer_id, scored_on)"

EXPECTATIONS = [
    newest_row(
        "landing.internal_scores.key_filled",
        "critical",
        "A score names its customer and its day (1 % of the rows may be quarantined).",
        "customer_id is not null and scored_on is not null",
        KEY,
        tolerated=0.01,
    ),
]
