"""The page docs/checks.md: an entry for each check id, for whoever gets an alert.

Rendered from the sentences in ``expectations/``, from ``expectations/runbook.yml``, from the
limits of the daily watch and from the registry of the bureau's rules; ``make checks-page`` renews
it.
"""

from typing import Any

from reporting.checks import guide
from reporting.checks.gx import load_suite
from reporting.checks.results import LAYERS
from reporting.core.settings import EXPECTATIONS, PROJECT_ROOT
from reporting.monitoring.feed_metrics import thresholds
from reporting.monitoring.watch import DEADLINE_MEANING, DEADLINES, RUN_ENDED, RUN_MEANING
from reporting.records.rules import load_rules

PAGE = PROJECT_ROOT / guide.PAGE

HEAD = """# The checks, one by one

Generated from `expectations/`; renew it with `make checks-page`. **critical** stops the month,
**warning** is told to the check's owner and can be waived (`reporting waive`), **info** is counted
on the check page. The checks of the daily watch stop nothing.
"""


def render() -> str:
    """The whole page, layer by layer and table by table in the order of the files."""
    parts = [HEAD]
    for layer, schema in LAYERS.items():
        for path in sorted((EXPECTATIONS / layer).glob("*.py")):
            suite = load_suite(path)
            parts.append(f"\n## {schema}.{suite.TABLE}\n")
            parts += [_sentence(sentence) for sentence in suite.EXPECTATIONS]
    parts.append("\n## The daily watch\n")
    for asked in thresholds():
        parts.append(_entry(asked.check_id, asked.severity, asked.meaning, asked.rationale))
    parts += [_entry(one, "warning, then critical", DEADLINE_MEANING) for one in DEADLINES]
    parts += [_entry(RUN_ENDED, "critical", RUN_MEANING)]
    return "".join(parts)


def _sentence(sentence: Any) -> str:
    severity = getattr(sentence.severity, "value", sentence.severity)
    return _entry(sentence.meta["id"], severity, sentence.description)


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
            f"- Why it is asked: {_cell(rule.why)}",
            f"- Usual cause: {_cell(rule.usual_cause)}",
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
