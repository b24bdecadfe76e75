"""What a code or a check means, in the sentences of the seeds and of ``expectations/``."""

from dataclasses import dataclass
from functools import lru_cache

from reporting.checks import guide
from reporting.core.seeds import code_words, feedback_code, reasons, seed_path, seed_rows
from reporting.pages.site import Words
from reporting.records.rules import Rule, load_rules

RULE_CHECK = "bureau."  # and the id of a rule: the check that counts its failures


def reason(code: str) -> Words:
    """The sentence of a reason."""
    return _of_seed("reasons", "reason_code", "sentence").get(
        code, Words("A reason of an earlier version of the rules.", "此原因属于较早版本的规则。")
    )


def status(code: str) -> Words:
    """What a repayment status means: a digit by its days, a letter by its word."""
    late = _of_seed("repayment_statuses", "repayment_status", "meaning")
    return late.get(code) or _of_code("repayment_status", code) or Words(code)


def cause(code: str) -> Words:
    """What a pending month waits for: one of our own causes, else the reason of its verdict."""
    return _of_code("pending_cause", code) or (reason(code) if code in reasons() else Words(code))


def reporter(code: str | None) -> Words:
    """The name of a reporter."""
    return _of_seed("reporters", "reporter_code", "name").get(code or "", Words(code or "-"))


def product(code: str) -> Words:
    """The name of a product."""
    return _of_seed("product_names", "product", "name").get(code, Words(code))


@lru_cache
def rules() -> dict[str, Rule]:
    """Each rule of the bureau."""
    return {rule.id: rule for rule in load_rules()}


def rule(known: Rule) -> Words:
    """The sentence of a rule."""
    return Words(known.sentence, known.sentence_zh)


def check(check_id: str, description: str) -> Words:
    """What a check requires; in English as it was published."""
    if known := rules().get(check_id.removeprefix(RULE_CHECK)):
        return Words(description, known.sentence_zh)
    return Words(description, guide.description_zh(check_id))


@dataclass(frozen=True)
class Guidance:
    """An entry of the check guide in both languages."""

    check: str
    hurts: Words
    do: Words


def entry(one: guide.Entry) -> Guidance:
    """An entry of the check guide as a page shows it."""
    return Guidance(one.check, Words(one.hurts, one.hurts_zh), Words(one.do, one.do_zh))


def guidance(check_id: str) -> Guidance | None:
    """The entry of a check, if the guide has one."""
    return entry(found) if (found := guide.find(check_id)) else None


def feedback(code: str) -> Words:
    """What a feedback code of the bureau means; the code itself where nothing describes it."""
    known = feedback_code(code)
    return Words(known.meaning, known.meaning_zh) if known else Words(code)


def _of_code(kind: str, code: str) -> Words | None:
    row = code_words(kind).get(code)
    return Words(row["meaning"], row["meaning_zh"]) if row else None


@lru_cache
def _of_seed(seed: str, code: str, words: str) -> dict[str, Words]:
    """The texts of a seed by code; the Chinese ones stand in a column of that name with _zh."""
    if not seed_path(seed).is_file():
        return {}
    return {row[code]: Words(row[words], row.get(f"{words}_zh") or "") for row in seed_rows(seed)}
