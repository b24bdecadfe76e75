"""Marks of the runs that have begun and not ended: one small file per month in the home folder.

A run that is killed cannot send an alert. Its mark stays, and the daily watch finds it. A mark is
settled when the error that ended the run was sent, and removed when the run finishes. A mark that
cannot be written never stops a run and logs no warning; its readers handle a missing mark.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reporting.core import atomic
from reporting.core.run import CHINA
from reporting.core.settings import Settings
from reporting.core.workspace import is_in_use

WORKING, BETWEEN, SETTLED = "working", "between", "settled"  # in a step, after one, error was sent
LONGEST_PAUSE = timedelta(minutes=30)  # between two tasks of a run, while its scheduler lives
WATCH = "watch"  # the daily watch, of which only the last error is marked

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mark:
    """How far a run came, in China time."""

    month: str
    step: str
    state: str
    began_at: datetime
    changed_at: datetime


FORM = TypeAdapter(Mark)


def note(settings: Settings, month: str, step: str, state: str, *, begins: bool = False) -> None:
    """Record how far a run came; ``begins`` for its first step."""
    at = now()
    began = None if begins else began_at(settings, month)
    path = _file(settings, month)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mark = asdict(Mark(month, step, state, began or at, at))
        with atomic.replaced(path) as aside:
            aside.write_text(json.dumps(mark, default=str, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        log.info("%s cannot be written (%s)", path, error.strerror)


def settle(settings: Settings, month: str, step: str) -> None:
    """Mark the run's error as sent, or as not needing an alert: the watch ignores the mark."""
    note(settings, month, step, SETTLED)


def clear(settings: Settings, month: str) -> None:
    """Remove the mark: the run finished, or the person who started it saw its error."""
    path = _file(settings, month)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.info("%s cannot be removed (%s)", path, error.strerror)


def began_at(settings: Settings, month: str) -> datetime | None:
    """When the run of a month began; None if that is not known."""
    mark = _read(_file(settings, month))
    return mark.began_at if mark else None


def is_settled(settings: Settings, month: str, since: datetime) -> bool:
    """Whether the error of a run was settled at a moment or later."""
    mark = _read(_file(settings, month))
    return mark is not None and mark.state == SETTLED and mark.changed_at >= since


def unended(settings: Settings) -> list[Mark] | None:
    """The runs that began and did not end, oldest month first; None if that is not known now.

    It is not known while a process works in the home folder, which may be one of them. A run whose
    next task may still begin is not among them.
    """
    folder = _file(settings, "").parent
    marks = [mark for path in sorted(folder.glob("*.json")) if (mark := _read(path))]
    paused_since = now() - LONGEST_PAUSE
    open_marks = [
        mark
        for mark in marks
        if mark.state == WORKING or (mark.state == BETWEEN and mark.changed_at < paused_since)
    ]
    return None if open_marks and is_in_use(settings) else open_marks


def now() -> datetime:
    """The current time in China."""
    return datetime.now(CHINA)


def _file(settings: Settings, month: str) -> Path:
    return settings.home.resolve() / "alerts" / "runs" / f"{month}.json"


def _read(path: Path) -> Mark | None:
    """Read a mark; None if the file is missing or cannot be read."""
    try:
        return FORM.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read (%s); it is ignored", path, type(error).__name__)
        return None
