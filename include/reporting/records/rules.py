"""The bureau's rules V01-V71 and ours H01-H13, from ``expectations/bureau_rules.yml``.

A record that fails a rule of severity E is withheld. ``hits`` gives the SQL that evaluates every
rule of a record type in one scan; ``python -m reporting.records.rules`` renders the rules page.
"""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass

from reporting.core.config_files import Text, read_entries
from reporting.core.errors import BadCall
from reporting.core.settings import EXPECTATIONS, PROJECT_ROOT
from reporting.records.elements import with_faulty_elements

REGISTRY = EXPECTATIONS / "bureau_rules.yml"
PAGE = PROJECT_ROOT / "docs" / "bureau_rules.md"

Record = Literal["210", "220", "110", "file", "every"]
Scope = Literal["record", "batch", "file"]

# What a failure is about: institution, subject and report date, as columns of the checked relation.
SUBJECTS: dict[Record, tuple[str, str, str]] = {
    "210": ("reporter_code", "account_id", "report_date"),
    "220": ("reporter_code", "agreement_id", "report_date"),
    "110": ("reporter_code", "customer_id", "report_date"),
    "file": ("left(file_name, 14)", "file_name", "cast(null as date)"),
}
RECORDS: tuple[Record, ...] = ("110", "210", "220")

RECORD_NAMES: dict[Record, str] = {
    "every": "Every record",
    "210": "Record 210, personal loan account",
    "220": "Record 220, credit agreement",
    "110": "Record 110, personal basic information",
    "file": "Files",
}


PAGE_HEAD = """# The bureau's rules

Generated from `expectations/bureau_rules.yml`, the one place where a rule is changed; renew it with
`make rules-page`. The rules H are ours: a record waits while its account has a row in quarantine.

**E**: a record that fails is withheld, its month stays pending, and the next run builds it again.
**W**: a person reviews a record that fails. **batch**: the rule depends on which other records are
sent, so it is evaluated after the others. The SQL runs on one row of `secure.checked_<record>`, a
record with its past (V67: on one written file); the rule fails where it is true or unknown (NULL).

A source reads: rule of a bureau catalogue / feedback code / where it was seen, confidence. The
official specification is not public. S1 and S3: validation catalogue and feedback codes of one
vendor's system; S4 and S11: code lists of two others; S5 and S9: writers of records and of file
names; S10: rules of a fourth vendor; S12 and S16: how the printed report is read; S21: Metro 2;
S23: the CFPB's evaluators. Confidence: S seen in the source, K general knowledge, G our inference.
"""
COLUMNS = """
| rule | severity | what it says | why it is checked | usual cause | source | adjusted |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Rule:
    """One rule of the bureau; the fields are explained at the head of the registry."""

    id: Annotated[str, StringConstraints(pattern=r"^[HV][0-9]{2}$")]
    severity: Literal["E", "W"]
    record: Record
    scope: Scope
    sentence: Text
    sentence_zh: Text
    why: Text
    why_zh: Text
    usual_cause: Text
    usual_cause_zh: Text
    citation: Text
    hit: Text
    mended: Text | None = None

    def is_of_every(self, record: Record) -> bool:
        """Whether the rule applies to this record type because it applies to every one."""
        return self.record == "every" and record in RECORDS

    def fails(self) -> str:
        """The SQL condition that is true where a row fails the rule; unknown counts as failed."""
        return f"coalesce({self.hit}, true)"


@lru_cache
def load_rules(path: Path = REGISTRY) -> tuple[Rule, ...]:
    """Every rule in the order of the ids.

    Raises BadCall naming file, rule and field if the registry is missing or not of its shape.
    """
    rules = read_entries(path, Rule, name="id")
    for before, rule in pairwise(rules):
        if rule.id <= before.id:
            raise BadCall(f"{path}: {rule.id} stands after {before.id}; sort by id")
    return rules


def hits(record: Record, scope: Scope, relation: str) -> str:
    """The SQL select of the records in ``relation`` that fail a rule of this type and scope.

    One row per such record: record_type, reporter_code, subject_id, report_date, rule_ids (the ids
    of the rules that it fails, in their order, VARCHAR[]) and faulty_elements (the tags that V71 is
    about). One condition finds these records; only they are evaluated rule by rule.
    """
    rules = [
        rule
        for rule in load_rules()
        if rule.scope == scope and (rule.record == record or rule.is_of_every(record))
    ]
    if scope == "record":
        relation = with_faulty_elements(record, relation)
    reporter, subject, report_date = SUBJECTS[record]
    broken = ",\n".join(f"case when {rule.fails()} then '{rule.id}' end" for rule in rules)
    any_broken = "\n    or ".join(rule.fails() for rule in rules)
    return f"""
    select
        '{record}' as record_type,
        {reporter} as reporter_code,
        {subject} as subject_id,
        {report_date} as report_date,
        list_filter([{broken}], lambda id: id is not null) as rule_ids,
        {"faulty_elements" if scope == "record" else "cast([] as varchar[])"} as faulty_elements
    from {relation}
    where {any_broken}
    """


def render_page(rules: tuple[Rule, ...]) -> str:
    """The page docs/bureau_rules.md: the registry as tables for people to read."""
    return PAGE_HEAD + "".join(
        _chapter(RECORD_NAMES[record], [rule for rule in rules if rule.record == record])
        for record in RECORD_NAMES
    )


def _chapter(title: str, rules: list[Rule]) -> str:
    rows = "".join(f"| {' | '.join(_cell(text) for text in _row(rule))} |\n" for rule in rules)
    conditions = "\n\n".join(f"-- {rule.id} fails if\n{rule.hit}" for rule in rules)
    return f"\n## {title}\n{COLUMNS}{rows}\n```sql\n{conditions}\n```\n"


def _row(rule: Rule) -> tuple[str, ...]:
    severity = rule.severity if rule.scope != "batch" else f"{rule.severity}, batch"
    return (
        rule.id,
        severity,
        rule.sentence,
        rule.why,
        rule.usual_cause,
        rule.citation,
        rule.mended or "",
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(render_page(load_rules()), encoding="utf-8")
