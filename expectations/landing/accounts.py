"""What the landed accounts must hold before a month is built."""

from reporting.sentences import each_row, one_of, seed_values, some_row

TABLE = "accounts"
KEY = "account_id"

EXPECTATIONS = [
    some_row(
        "landing.accounts.delivered",
        "critical",
        "Accounts are delivered and recorded by the cut-off.",
        "recorded_at <= {as_of}",
    ),
    each_row(
        "landing.accounts.account_id_readable",
        "critical",
        "An account id consists of letters and digits (1 % of the rows may be quarantined).",
        "regexp_full_match(account_id, '[A-Za-z0-9]+')",
        tolerated=0.01,
        shows_keys=False,
    ),
    each_row(
        "landing.accounts.customer_id_filled",
        "critical",
        "An account names its customer (1 % of the rows may be quarantined).",
        "customer_id is not null",
        tolerated=0.01,
    ),
    one_of(
        "landing.accounts.reporter_known",
        "warning",
        "The furnishing institution of an account is one of seeds/reporters.csv.",
        "reporter_code",
        seed_values("reporters", "reporter_code"),
    ),
]
