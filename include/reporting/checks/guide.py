"""The check guide: the owner of each check, who is harmed when it fails, and what to do.

``expectations/runbook.yml`` has an entry for each check or family of checks. The page
``docs/checks.md`` is rendered from it and from the checks
(``python -m reporting.cli.reference_docs``). What a check requires stands in English beside the
check and in Chinese in ``expectations/descriptions_zh.yml``.
"""

from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import StringConstraints
from pydantic.dataclasses import dataclass

from reporting.core.config_files import Text, read_entries, read_yaml
from reporting.core.errors import BadCall
from reporting.core.settings import EXPECTATIONS

RUNBOOK = EXPECTATIONS / "runbook.yml"
DESCRIPTIONS_ZH = EXPECTATIONS / "descriptions_zh.yml"
PAGE = "docs/checks.md"

# Of a check: critical stops the month, warning alerts the owner, info is only counted.
Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the severest first

Owner = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]  # also the audience


@dataclass(frozen=True)
class Entry:
    """One check, or a family of checks whose ids match a pattern such as ``landing.*.fresh``."""

    check: Text
    owner: Owner
    hurts: Text
    hurts_zh: Text
    do: Text
    do_zh: Text


@lru_cache
def load(path: Path = RUNBOOK) -> tuple[Entry, ...]:
    """Every entry in the order of the file; BadCall names file and field of a wrong entry."""
    return read_entries(path, Entry, name="check")


def find(check_id: str) -> Entry | None:
    """The first entry that matches a check, if there is one."""
    return next((one for one in load() if fnmatchcase(check_id, one.check)), None)


def entry(check_id: str) -> Entry:
    """The first entry that matches a check; BadCall if there is none."""
    if one := find(check_id):
        return one
    raise BadCall(f"check guide {RUNBOOK}: check {check_id} has no entry; add one")


@lru_cache
def descriptions_zh() -> dict[str, str]:
    """What each check requires, in Chinese, by check id or pattern; not the bureau's rules."""
    read: dict[str, str] = read_yaml(DESCRIPTIONS_ZH)
    return read


def description_zh(check_id: str) -> str:
    """The first Chinese description that matches a check; empty if there is none."""
    found = descriptions_zh()
    return found.get(check_id) or next(
        (words for check, words in found.items() if fnmatchcase(check_id, check)), ""
    )


def link(check_id: str) -> str:
    """The link to the entry of a check; what follows a slash says which case of it is meant."""
    return f"{PAGE}#{check_id.partition('/')[0]}"
