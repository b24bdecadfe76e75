"""The run id: a hash of all inputs of a run."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from reporting import __version__
from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, EXPECTATIONS, PROJECT_ROOT, Settings


def run_id(
    run: Run,
    settings: Settings,
    policy: Path,
    input_digest: str,
    built_on: str | None,
    key_check: str,
    bureau_digest: str = "",
) -> str:
    """A hash of all that determines a month's result: equal runs have equal ids.

    It covers month, cut-off, code, seeds, policy, input, the settings that change published tables,
    the hash key (``key_check``), and the run id of the month before (``built_on``), so that an
    unchanged id means unchanged earlier months. Waivers, limits and the engine change no record and
    are left out.
    """
    parts = (
        *(rules_digest(policy), run.label, run.as_of.isoformat(), input_digest, built_on or ""),
        key_check,
        *(str(settings.notice_lead_days), str(settings.cut_off_day)),  # notices name both
        str(settings.minimum_group_size),
        *([bureau_digest] if bureau_digest else []),  # the bureau's answers, once there are any
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def rules_digest(policy: Path) -> str:
    """A hash of code, seeds and policy: with these unchanged, equal input gives equal output."""
    return hashlib.sha256("\0".join(digests(policy).values()).encode()).hexdigest()


def digests(policy: Path) -> dict[str, str]:
    """The hashes of code, seeds and policy, each for itself: which of them changed."""
    seeds = set(_dbt_files("csv"))
    return {
        "code": _digest(path for path in _code_files() if path not in seeds),
        "seeds": _digest(seeds),
        "policy": hashlib.sha256(policy.read_bytes()).hexdigest(),
    }


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(files):
        digest.update(str(path.relative_to(PROJECT_ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _code_files() -> list[Path]:
    package = Path(__file__).parents[1]
    return [
        *package.rglob("*.py"),
        *package.rglob("*.sql"),
        *package.rglob("*.yml"),
        *EXPECTATIONS.rglob("*.py"),
        *EXPECTATIONS.rglob("*.yml"),
        *(path for kind in ("sql", "yml", "csv") for path in _dbt_files(kind)),
    ]


def _dbt_files(kind: str) -> list[Path]:
    return [path for path in DBT_PROJECT.rglob(f"*.{kind}") if "target" not in path.parts]
