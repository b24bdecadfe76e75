"""Validate seeds and configuration before a run does anything else.

A wrong row would otherwise show in the middle of a run, as an error of the engine, or not at all: a
missing band leaves a value without its label. All faults are reported at once, one per line.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import StringConstraints
from pydantic.dataclasses import dataclass

from reporting.checks import guide, waivers
from reporting.checks.guide import Severity
from reporting.core import product_policy
from reporting.core.config_files import Code, Day, Number, Text, Whole, read_rows, require_none
from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.seeds import FeedbackCode, Reason, seed_path
from reporting.core.settings import DBT_PROJECT, EXPECTATIONS, Settings
from reporting.monitoring.feed_metrics import THRESHOLDS, thresholds
from reporting.records.rules import REGISTRY, load_rules
from reporting.store import published

MODELS = DBT_PROJECT / "models"
SQL = (*(MODELS / one for one in ("staging", "ledger", "marts")), DBT_PROJECT / "macros")
RULE = re.compile(r"'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'")  # how a row rule is written in SQL
CHECK_ID = re.compile(r"[a-z_0-9]+([.][a-z_0-9]+)+")
NO_LIMIT = 9_999_999  # days past due that stand for any number

RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$")]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
ReporterCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{14}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Reporter:
    """A furnishing institution."""

    reporter_code: ReporterCode
    name: Text
    name_zh: Text
    district: Digits


@dataclass(frozen=True)
class ConsentText:
    """A version of a consent text."""

    document_code: Code
    document_version: Code
    document_sha256: Sha256
    title: Text
    title_zh: Text


@dataclass(frozen=True)
class NoticeText:
    """A version of the advance notice."""

    text_version: Code
    used_from: Day
    text: Text
    text_zh: Text
    how_to_pay: Text
    how_to_pay_zh: Text
    how_to_dispute: Text
    how_to_dispute_zh: Text


@dataclass(frozen=True)
class RowRule:
    """A rule that can send a row to quarantine."""

    rule_id: RuleId
    sentence: Text
    sentence_zh: Text


@dataclass(frozen=True)
class BureauCode:
    """A code of one of the bureau's lists."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{1,2}$")]
    label: Text
    label_zh: Text


@dataclass(frozen=True)
class StatusBand:
    """Days past due of a digit of the repayment status."""

    from_days: Whole
    to_days: Whole
    repayment_status: Literal["1", "2", "3", "4", "5", "6", "7"]
    meaning: Text
    meaning_zh: Text


@dataclass(frozen=True)
class ClassBand:
    """Days past due of a five-tier class."""

    from_days: Whole
    to_days: Whole
    five_tier_class: Literal["1", "2", "3", "4", "5"]
    meaning: Text
    meaning_zh: Text


@dataclass(frozen=True)
class ProductName:
    """What a product is called where a customer reads it."""

    product: Code
    name: Text
    name_zh: Text


@dataclass(frozen=True)
class CodeWords:
    """What a code of a record means where a customer reads it."""

    kind: Code
    code: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_]+|[*])$")]
    meaning: Text
    meaning_zh: Text


@dataclass(frozen=True)
class LimitBand:
    """Credit limits (CNY) that are counted together."""

    from_limit: Number | None
    below_limit: Number | None
    limit_band: Text


@dataclass(frozen=True)
class ScoreBand:
    """Scores that are counted together."""

    from_score: Number | None
    below_score: Number | None
    score_band: Text


@dataclass(frozen=True)
class Bound:
    """By how much a figure of the month may differ from the months before."""

    figure: Code
    scope: Text
    compare: Literal["ratio", "difference", "absolute"]
    lowest: Number
    highest: Number
    least_rows: Whole
    severity: Severity
    owner: guide.Owner
    rationale: Text


# Seed -> its columns, and its unique keys.
FORMS: dict[str, tuple[type[Any], tuple[tuple[str, ...], ...]]] = {
    "product_policy": (product_policy.PolicyRow, (("product_code",),)),
    "reasons": (Reason, (("position",), ("reason_code",))),
    "reporters": (Reporter, (("reporter_code",),)),
    "consent_texts": (ConsentText, (("document_code", "document_version"),)),
    "notice_texts": (NoticeText, (("text_version",), ("used_from",))),
    "row_rules": (RowRule, (("rule_id",),)),
    "repayment_statuses": (StatusBand, (("repayment_status",),)),
    "five_tier_classes": (ClassBand, (("five_tier_class",),)),
    "product_names": (ProductName, (("product",),)),
    "code_words": (CodeWords, (("kind", "code"),)),
    "limit_bands": (LimitBand, (("limit_band",),)),
    "score_bands": (ScoreBand, (("score_band",),)),
    "batch_bounds": (Bound, (("figure", "scope"),)),
    "feedback_codes": (FeedbackCode, (("code",),)),
    "codes_sex": (BureauCode, (("code",),)),
    "codes_marital_status": (BureauCode, (("code",),)),
    "codes_education_level": (BureauCode, (("code",),)),
    "codes_academic_degree": (BureauCode, (("code",),)),
    "codes_employment_status": (BureauCode, (("code",),)),
    "codes_id_type": (BureauCode, (("code",),)),
}


@dataclass(frozen=True)
class Bands:
    """How the bands of a seed join without gap or overlap: first and last bound, and the step."""

    lower: str
    upper: str
    first: tuple[float | None, ...]
    last: float | None
    step: int  # 0: the next band begins at the bound, which itself is not in the band


BANDS = {
    "repayment_statuses": Bands("from_days", "to_days", (1,), NO_LIMIT, 1),
    "five_tier_classes": Bands("from_days", "to_days", (0,), NO_LIMIT, 1),
    "limit_bands": Bands("from_limit", "below_limit", (None, 0), None, 0),
    "score_bands": Bands("from_score", "below_score", (None,), None, 0),
}


def require_fit(settings: Settings) -> None:
    """Read every seed and every file of configuration.

    Raises BadCall with a line for each fault, naming file, line (or entry) and column.
    """
    readers: list[Callable[[], object]] = [
        lambda: product_policy.read_policy(settings),
        lambda: waivers.load(settings),
        guide.load,
        load_rules,
        thresholds,
        *(lambda name=name: checked_rows(name) for name in FORMS),
    ]
    faults = [fault for reader in readers for fault in _faults_of(reader)]
    if not faults:  # these compare files, so each file must be valid
        faults = [*_bands(), *_bounds(), *_row_rules(), *_unpublished(), *_without_entry()]
    require_none(faults)


def require_notice_text(run: Run) -> None:
    """Raise BadCall if no version of the advance notice is in use by the run's cut-off."""
    texts = checked_rows("notice_texts").values()
    if not any(text.used_from <= run.as_of.date() for text in texts):
        raise BadCall(
            f"{seed_path('notice_texts')}, column used_from: no text is in use by the cut-off "
            f"{run.as_of:%Y-%m-%d} of month {run.label}; add the one that was sent by then"
        )


def checked_rows(name: str) -> dict[int, Any]:
    """The rows of a seed by line number; BadCall where a row is wrong or none exists."""
    form, unique = FORMS[name]
    rows = read_rows(seed_path(name), form, unique)
    if not rows:
        raise BadCall(f"{seed_path(name)}: has no row; restore it")
    return rows


def _faults_of(reader: Callable[[], object]) -> list[str]:
    try:
        reader()
    except BadCall as fault:
        return str(fault).splitlines()
    return []


def _bands() -> Iterator[str]:
    """Faults of seeds with bands: a value in no band, or in more than one."""
    for seed, bands in BANDS.items():
        yield from _faults_of_bands(seed, bands)


def _faults_of_bands(seed: str, bands: Bands) -> Iterator[str]:
    rows = [
        (getattr(row, bands.lower), getattr(row, bands.upper), line)
        for line, row in checked_rows(seed).items()
    ]
    rows.sort(key=lambda row: float("-inf") if row[0] is None else row[0])
    expected = bands.first
    for place, (lower, upper, line) in enumerate(rows, start=1):
        where = f"{seed_path(seed)}, line {line}, column"
        if lower not in expected:
            yield f"{where} {bands.lower}: leaves a gap or an overlap; {_begin_with(expected)}"
        is_last = place == len(rows)
        if is_last and upper != bands.last:
            yield f"{where} {bands.upper}: the last band must end with {_bound(bands.last)}"
        if upper is None and not is_last:
            yield f"{where} {bands.upper}: is empty, and another band follows; fill it"
            return
        if None not in (lower, upper) and upper < lower:
            yield f"{where} {bands.upper}: lies before {bands.lower}; correct it"
        expected = (upper + bands.step,) if upper is not None else ()


def _begin_with(expected: Sequence[float | None]) -> str:
    return f"it must begin with {' or '.join(map(_bound, expected))}"


def _bound(bound: float | None) -> str:
    return "nothing (no bound)" if bound is None else f"{bound:.9g}"


def _bounds() -> Iterator[str]:
    """Bounds of portfolio metrics that no value can meet."""
    path = seed_path("batch_bounds")
    for line, bound in checked_rows("batch_bounds").items():
        if bound.lowest > bound.highest:
            yield f"{path}, line {line}, column highest: lies below lowest; correct it"


def row_rules_in_sql() -> dict[str, Path]:
    """Every row rule that a model or macro names, and the first file that does."""
    verdicts = {row.reason_code for row in checked_rows("reasons").values()}
    found: dict[str, Path] = {}
    for path in sorted(path for folder in SQL for path in folder.rglob("*.sql")):
        for rule_id in RULE.findall(path.read_text(encoding="utf-8")):
            if rule_id not in verdicts:
                found.setdefault(rule_id, path)
    return found


def _row_rules() -> Iterator[str]:
    """Row rules without their sentence, and sentences that no model uses."""
    seed = seed_path("row_rules")
    explained = {row.rule_id: line for line, row in checked_rows("row_rules").items()}
    used = row_rules_in_sql()
    for rule_id in sorted(used.keys() - explained.keys()):
        yield f"{seed}: rule {rule_id} of {used[rule_id].name} has no sentence; add a row"
    for rule_id in sorted(explained.keys() - used.keys()):
        where = f"{seed}, line {explained[rule_id]}, column rule_id"
        yield f"{where}: no model uses {rule_id}; remove it"


def _unpublished() -> Iterator[str]:
    """Models of ``marts/`` and ``journal/`` that would not be published."""
    models = [path for folder in ("marts", "journal") for path in (MODELS / folder).glob("*.sql")]
    for path in sorted(models):
        if path.stem not in published.TABLES and not path.stem.startswith("int_"):
            yield f"{path}: is not published; add it to TABLES of reporting/store/published.py"


def _without_entry() -> Iterator[str]:
    """Checks without an entry in the check guide."""
    for check_id, where in every_check():
        if guide.find(check_id) is None:
            yield f"{where}: check {check_id} has no entry in {guide.RUNBOOK}; add one"


def every_check() -> Iterator[tuple[str, str]]:
    """The id of each check, and the file that defines it.

    Check files are parsed and not run, since running them imports Great Expectations.
    """
    for path in sorted(EXPECTATIONS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                check_id = str(node.args[0].value)
                if CHECK_ID.fullmatch(check_id):
                    yield check_id, f"{path}, line {node.args[0].lineno}"
    for rule in load_rules():
        if rule.record != "file":
            yield f"bureau.{rule.id}", str(REGISTRY)
    for line, bound in checked_rows("batch_bounds").items():
        yield f"batch.{bound.figure}", f"{seed_path('batch_bounds')}, line {line}"
    for threshold in thresholds():
        yield threshold.check_id, str(THRESHOLDS)
