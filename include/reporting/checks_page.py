"""The page docs/checks.md: an entry for each check id, for whoever gets an alert.

Rendered from the sentences in ``expectations/``, from ``expectations/runbook.yml`` and from the
registry of the bureau's rules; ``make checks-page`` renews it.
"""

from typing import Any

from reporting import runbook
from reporting.quality import LAYERS
from reporting.settings import EXPECTATIONS, PROJECT_ROOT
from reporting.submission.rules import load_rules
from reporting.validation import load_suite

PAGE = PROJECT_ROOT / runbook.PAGE

HEAD = """# The checks, one by one

Generated from `expectations/`; renew it with `make checks-page`. **critical** stops the month,
**warning** is told to the check's owner and can be waived (`reporting waive`), **info** is counted
on the check page.
"""


def render() -> str:
    """The whole page, layer by layer and table by table in the order of the files."""
    parts = [HEAD]
    for layer, schema in LAYERS.items():
        for path in sorted((EXPECTATIONS / layer).glob("*.py")):
            suite = load_suite(path)
            parts.append(f"\n## {schema}.{suite.TABLE}\n")
            parts += [_entry(sentence) for sentence in suite.EXPECTATIONS]
    return "".join(parts)


def _entry(sentence: Any) -> str:
    check_id = sentence.meta["id"]
    one = runbook.entry(check_id)
    severity = getattr(sentence.severity, "value", sentence.severity)
    lines = [
        f'\n<a id="{check_id}"></a>\n**{check_id}** ({severity}, {one.owner})',
        f"- Means: {_cell(sentence.description)}",
        f"- Hurts: {_cell(one.hurts)}",
        f"- Do: {_cell(one.do)}",
    ]
    rules = {f"bureau.{rule.id}": rule for rule in load_rules()}
    if check_id in rules:
        rule = rules[check_id]
        lines += [
            f"- Why it is asked: {_cell(rule.why)}",
            f"- Usual cause: {_cell(rule.usual_cause)}",
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
