"""Open alerts: the ids that were alerted and are not resolved, by month and audience, in one file.

The file is written aside and renamed, under a lock of its own, since the daily watch may alert
while a month runs. A fault of the file is one line in the log and never stops an alert.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from reporting.core import atomic
from reporting.core.settings import Settings

FORM = TypeAdapter(dict[str, dict[str, list[str]]])  # month or day -> audience -> ids
ANSWERS_FORM = TypeAdapter(list[str])
LAST = "9999-99"

log = logging.getLogger(__name__)


@dataclass
class Memory:
    """The open alerts: month -> audience -> ids."""

    alerted: dict[str, dict[str, list[str]]]

    def over(self, month: str, is_over: Callable[[str, str], bool]) -> dict[str, list[str]]:
        """By audience, the ids that were alerted up to a month and are resolved now."""
        found: dict[str, set[str]] = {}
        for alerted_in, audience, ids in self._up_to(month):
            over = {one for one in ids if is_over(one, alerted_in)}
            found.setdefault(audience, set()).update(over)
        return {audience: sorted(ids) for audience, ids in sorted(found.items()) if ids}

    def ids(self, beginning: str) -> set[tuple[str, str]]:
        """The audience and id of every open alert whose id begins so."""
        return {
            (audience, one)
            for _, audience, ids in self._up_to(LAST)
            for one in ids
            if one.startswith(beginning)
        }

    def note(self, month: str, audience: str, ids: Iterable[str]) -> None:
        """Add ids that an audience has been alerted about."""
        known = self.alerted.setdefault(month, {}).setdefault(audience, [])
        known[:] = sorted({*known, *ids})

    def forget(
        self, month: str, audience: str, is_over: Callable[[str, str], bool]
    ) -> list[tuple[str, str]]:
        """Remove the resolved ids of an audience, in this month and earlier ones.

        Returns month and id of each.
        """
        removed = []
        for alerted_in, whose, ids in self._up_to(month):
            if whose == audience:
                over = [one for one in ids if is_over(one, alerted_in)]
                removed += [(alerted_in, one) for one in over]
                ids[:] = [one for one in ids if one not in over]
        return removed

    def open(self) -> list[tuple[str, str, str]]:
        """Month, audience and id of every open alert."""
        return [(month, audience, one) for month, audience, ids in self._up_to(LAST) for one in ids]

    def _up_to(self, month: str) -> Iterator[tuple[str, str, list[str]]]:
        for alerted_in, by_audience in self.alerted.items():
            if alerted_in <= month:
                for audience, ids in by_audience.items():
                    yield alerted_in, audience, ids


def memory_file(settings: Settings) -> Path:
    """The path of the memory of open alerts."""
    return settings.home.resolve() / "alerts" / "open.json"


def recall(settings: Settings) -> Memory:
    """Read the open alerts; none if the file is missing or cannot be read."""
    path = memory_file(settings)
    try:
        return Memory(FORM.validate_json(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read (%s); it starts empty", path, type(error).__name__)
    return Memory({})


@contextmanager
def opened(settings: Settings) -> Iterator[Memory]:
    """The open alerts under their lock; changes are written at the end."""
    path = memory_file(settings)
    lock = FileLock(path.with_name(".lock"), fallback_to_soft=False)  # it ends with its process
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, error.strerror)
        yield recall(settings)
        return
    try:
        memory = recall(settings)
        yield memory
        _keep(memory, path)
    finally:
        lock.release()


def _keep(memory: Memory, path: Path) -> None:
    left = {
        month: {audience: ids for audience, ids in sorted(by_audience.items()) if ids}
        for month, by_audience in sorted(memory.alerted.items())
    }
    _write(path, {month: by_audience for month, by_audience in left.items() if by_audience})


def _write(path: Path, content: object) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replaced(path) as aside:
            aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, error.strerror)


def sent_on(day: date, settings: Settings) -> dict[str, list[str]]:
    """By audience, the findings that the watch of a day sent last."""
    try:
        kept = FORM.validate_json(_day_file(settings).read_bytes())
    except (OSError, ValidationError):
        return {}
    return kept.get(day.isoformat(), {})


def keep_sent_on(day: date, settings: Settings, findings: dict[str, list[str]]) -> None:
    """Remember the findings that the watch of a day sent; those of other days are dropped."""
    _write(_day_file(settings), {day.isoformat(): findings})


def _day_file(settings: Settings) -> Path:
    return memory_file(settings).with_name("watched.json")


def answers_seen(settings: Settings) -> list[str]:
    """What was known of the bureau's answers when they were alerted last."""
    try:
        return ANSWERS_FORM.validate_json(_answers_file(settings).read_bytes())
    except (OSError, ValidationError):
        return []


def keep_answers_seen(settings: Settings, seen: list[str]) -> None:
    """Remember what the alerts of the bureau's answers were made from."""
    _write(_answers_file(settings), seen)


def _answers_file(settings: Settings) -> Path:
    return memory_file(settings).with_name("answered.json")
