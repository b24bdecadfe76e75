"""The page docs/checks.md: an entry for each check id, for the person who gets an alert.

Beside it the file of what each table reaches by dbt's manifest, which alerts read.

Rendered from the checks in ``expectations/``, from ``expectations/runbook.yml``, from the limits of
the daily watch and from the registry of the bureau's rules; ``make checks-page`` renews it.
"""

import json
from typing import Any

from reporting.alerts.bureau_answers import MEANINGS as ABOUT_ANSWERS
from reporting.checks import guide
from reporting.checks.effects import ENDANGERED
from reporting.checks.gx import load_suite
from reporting.checks.results import LAYERS
from reporting.core.settings import EXPECTATIONS, PROJECT_ROOT
from reporting.monitoring.feed_metrics import thresholds
from reporting.monitoring.submission_watch import MEANINGS
from reporting.monitoring.watch import DEADLINES, RUN_ENDED, RUN_MEANING
from reporting.records.rules import load_rules
from reporting.transform.lineage import endangered

PAGE = PROJECT_ROOT / guide.PAGE

HEAD = """# The checks, one by one

Generated from `expectations/`; renew it with `make checks-page`. **critical** stops the month,
**warning** alerts the check's owner and can be waived (`reporting waive`), **info** is only counted
on the pages. The checks of the daily watch stop no month.
"""


def render() -> str:
    """The whole page, layer by layer and table by table in the order of the files."""
    parts = [HEAD]
    for layer, schema in LAYERS.items():
        for path in sorted((EXPECTATIONS / layer).glob("*.py")):
            suite = load_suite(path)
            parts.append(f"\n## {schema}.{suite.TABLE}\n")
            parts += [_check(check) for check in suite.EXPECTATIONS]
    parts.append("\n## The daily watch\n")
    for one in thresholds():
        parts.append(_entry(one.check_id, one.severity, one.meaning, one.rationale))
    parts += [
        _entry(name, "warning, then critical", meaning) for name, (_, meaning) in DEADLINES.items()
    ]
    parts += [_entry(RUN_ENDED, "critical", RUN_MEANING)]
    parts += [_entry(name, "warning, then critical", words) for name, words in MEANINGS.items()]
    parts.append("\n## The bureau's answers\n")
    parts += [_entry(name, "warning", words) for name, words in ABOUT_ANSWERS.items()]
    return "".join(parts)


def _check(check: Any) -> str:
    severity = getattr(check.severity, "value", check.severity)
    return _entry(check.meta["id"], severity, check.description)


def _entry(check_id: str, severity: str, means: str, why: str = "") -> str:
    one = guide.entry(check_id)
    lines = [
        f'\n<a id="{check_id}"></a>\n**{check_id}** ({severity}, {one.owner})',
        f"- Means: {_cell(means)}",
        f"- Hurts: {_cell(one.hurts)}",
        f"- Do: {_cell(one.do)}",
    ]
    if why:
        lines.append(f"- Why this limit: {_cell(why)}")
    for rule in (rule for rule in load_rules() if check_id == f"bureau.{rule.id}"):
        lines += [
            f"- Why it is checked: {_cell(rule.why)}",
            f"- Usual cause: {_cell(rule.usual_cause)}",
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("*", "\\*")


def render_endangered() -> str:
    """The file of what each table reaches, from dbt's manifest."""
    return json.dumps(endangered(), indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    ENDANGERED.write_text(render_endangered(), encoding="utf-8")
