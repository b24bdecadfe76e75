"""The rejected rows: each must say why, so that the lender can correct it."""

import great_expectations.expectations as gxe

from reporting.sentences import each_row, seed_values

TABLE = "quarantined_rows"

EXPECTATIONS = [
    each_row(
        "quarantine.reason_given",
        "critical",
        "A rejected row names its table, its key, the rule it breaks and the reason.",
        "table_name is not null and row_key is not null and rule_id is not null"
        " and reason is not null",
    ),
    gxe.ExpectColumnValuesToBeInSet(
        column="rule_id",
        value_set=seed_values("row_rules", "rule_id"),
        severity="critical",
        description="Every rule that rejects a row is explained in seeds/row_rules.csv.",
        meta={"id": "quarantine.rule_known"},
    ),
    each_row(
        "quarantine.known_by_cut_off",
        "critical",
        "A rejected row was recorded by the cut-off, or does not say when.",
        "recorded_at is null or recorded_at <= {as_of}",
    ),
]
