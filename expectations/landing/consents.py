"""What the landed consents must hold before a month is built."""

from reporting.checks.vocabulary import newest_row, some_row
from reporting.core.seeds import seed_values, sql_list

TABLE = "consents"
KEY = "consent_event_id"

KNOWN_TEXTS = sql_list(
    seed_values("consent_texts", "document_code", "document_version", "document_sha256")
)

KNOWN_REPORTERS = sql_list(seed_values("reporters", "reporter_code"))

EXPECTATIONS = [
    some_row(
        "landing.consents.delivered",
        "warning",
        "Consents are delivered and recorded by the cut-off; without any, no one is reported.",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.consents.key_filled",
        "critical",
        "A consent has an id and names its customer (1 % of the rows may be quarantined).",
        "consent_event_id is not null and customer_id is not null",
        KEY,
        tolerated=0.01,
    ),
    newest_row(
        "landing.consents.text_known",
        "warning",
        "The document, its version and the hash of its text are in seeds/consent_texts.csv.",
        f"concat_ws('/', document_code, document_version, document_sha256) in {KNOWN_TEXTS}",
        KEY,
    ),
    newest_row(
        "landing.consents.reporter_known",
        "warning",
        "The institution that a consent names is one of seeds/reporters.csv.",
        f"reporter_code is null or reporter_code in {KNOWN_REPORTERS}",
        KEY,
    ),
    newest_row(
        "landing.consents.happened_first",
        "warning",
        "A consent was given or withdrawn before it was recorded (compared by day, with one day of"
        " grace).",
        "coalesce(occurred_at::date - recorded_at::date <= 1, true)",
        KEY,
    ),
]
