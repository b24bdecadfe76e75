"""The records of this run that fail a rule of the bureau, and the gate before the files.

The rules stand in ``expectations/bureau_rules.yml`` and were evaluated on each record when it was
built (``reporting.records.validate``); here the failures are counted. A record that fails an E rule
is withheld and a person must repair it; one that fails a W rule is reviewed.
"""

from reporting.checks.vocabulary import each_row, no_row
from reporting.core.seeds import seed_values, sql_list
from reporting.records.rules import load_rules

TABLE = "validated_records"
KEY = "concat_ws('|', record_type, subject_id)"

RULES = [rule for rule in load_rules() if rule.record != "file"]
SEVERITIES = {"E": "warning", "W": "info"}
ERRORS = ", ".join(f"'{rule.id}'" for rule in RULES if rule.severity == "E")

EXPECTATIONS = [
    each_row(
        "bureau.nothing_leaves_broken",
        "critical",
        "No record that fails an E rule of the bureau is written into a file.",
        f"state = 'WITHHELD' or state = 'BUILT' and not list_has_any(rule_ids, [{ERRORS}])",
    ),
    no_row(
        "bureau.reporter_registered",
        "critical",
        "A file is written only for an institution of seeds/reporters.csv.",
        "from {batch} where state = 'BUILT' and reporter_code not in "
        + sql_list(seed_values("reporters", "reporter_code")),
        key="reporter_code",
    ),
    *(
        no_row(
            f"bureau.{rule.id}",
            SEVERITIES[rule.severity],
            rule.sentence,
            f"from {{batch}} where list_contains(rule_ids, '{rule.id}')",
            key=KEY,
        )
        for rule in RULES
    ),
]
