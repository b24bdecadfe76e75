"""The quarantined rows: each must say why, so that the lender can correct it."""

from reporting.checks.vocabulary import each_row, one_of
from reporting.core.seeds import seed_values

TABLE = "quarantined_rows"
KEY = "concat_ws('|', table_name, row_key)"

EXPECTATIONS = [
    each_row(
        "quarantine.reason_given",
        "critical",
        "A quarantined row names its table, its key, the rule it fails and the reason.",
        "table_name is not null and row_key is not null and rule_id is not null"
        " and reason is not null",
    ),
    one_of(
        "quarantine.rule_known",
        "critical",
        "Every rule that quarantines a row is explained in seeds/row_rules.csv.",
        "rule_id",
        seed_values("row_rules", "rule_id"),
    ),
    each_row(
        "quarantine.known_by_cut_off",
        "critical",
        "A quarantined row was recorded by the cut-off, or does not say when that can be.",
        "recorded_at is null or recorded_at <= {as_of} or recorded_at >= timestamp '2100-01-01'",
    ),
]
