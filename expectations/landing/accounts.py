"""What the landed accounts must hold before a month is built."""

from reporting.checks.vocabulary import newest_row, some_row
from reporting.core.seeds import seed_values, sql_list

TABLE = "accounts"
KEY = "account_id"

KNOWN_REPORTERS = sql_list(seed_values("reporters", "reporter_code"))

EXPECTATIONS = [
    some_row(
        "landing.accounts.delivered",
        "critical",
        "Accounts are delivered and recorded by the cut-off.",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.accounts.account_id_readable",
        "critical",
        "An account id consists of letters and digits (1 % of the rows may be quarantined).",
        "regexp_full_match(account_id, '[A-Za-z0-9]+')",
        KEY,
        tolerated=0.01,
        shows_keys=False,
    ),
    newest_row(
        "landing.accounts.customer_id_filled",
        "critical",
        "An account names its customer (1 % of the rows may be quarantined).",
        "customer_id is not null",
        KEY,
        tolerated=0.01,
    ),
    newest_row(
        "landing.accounts.reporter_known",
        "warning",
        "The furnishing institution of an account is one of seeds/reporters.csv.",
        f"reporter_code is null or reporter_code in {KNOWN_REPORTERS}",
        KEY,
    ),
]
