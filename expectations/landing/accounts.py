"""What the landed accounts must hold before a month is built."""

import great_expectations.expectations as gxe

from reporting.sentences import each_row, no_row, seed_values

TABLE = "accounts"

EXPECTATIONS = [
    no_row(
        "landing.accounts.delivered",
        "critical",
        "Accounts are delivered and recorded by the cut-off.",
        "from {batch} having count_if(recorded_at <= {as_of}) = 0",
    ),
    each_row(
        "landing.accounts.account_id_readable",
        "critical",
        "An account id consists of letters and digits (1 % of the rows may be quarantined).",
        "regexp_full_match(account_id, '[A-Za-z0-9]+')",
        tolerated=0.01,
    ),
    each_row(
        "landing.accounts.customer_id_filled",
        "critical",
        "An account names its customer (1 % of the rows may be quarantined).",
        "customer_id is not null",
        tolerated=0.01,
    ),
    gxe.ExpectColumnValuesToBeInSet(
        column="reporter_code",
        value_set=seed_values("reporters", "reporter_code"),
        severity="warning",
        description="The furnishing institution of an account is one of seeds/reporters.csv.",
        meta={"id": "landing.accounts.reporter_known"},
    ),
]
