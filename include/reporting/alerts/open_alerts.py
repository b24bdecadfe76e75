"""What was told and is not yet resolved: ids by month and audience, in one small file of the home.

It is written aside and renamed, under a lock of its own: the daily watch may speak while a month
works. A fault of the file is one line in the log; it never stops whoever has something to tell.
"""

import fcntl
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reporting.core import atomic
from reporting.core.settings import Settings

FORM = TypeAdapter(dict[str, dict[str, list[str]]])  # month or day -> audience -> ids

log = logging.getLogger(__name__)


@dataclass
class Memory:
    """What each audience was told, month by month: month -> audience -> ids."""

    told: dict[str, dict[str, list[str]]]

    def over(self, month: str, is_over: Callable[[str, str], bool]) -> dict[str, list[str]]:
        """By audience, what was told of this month or an earlier one and is over now."""
        found: dict[str, set[str]] = {}
        for told_in, audience, told in self._up_to(month):
            over = {one for one in told if is_over(one, told_in)}
            found.setdefault(audience, set()).update(over)
        return {audience: sorted(ids) for audience, ids in sorted(found.items()) if ids}

    def note(self, month: str, audience: str, ids: Iterable[str]) -> None:
        """These were told."""
        told = self.told.setdefault(month, {}).setdefault(audience, [])
        told[:] = sorted({*told, *ids})

    def forget(self, month: str, audience: str, is_over: Callable[[str, str], bool]) -> None:
        """The audience knows what is over, in this month and the earlier ones."""
        for told_in, whose, told in self._up_to(month):
            if whose == audience:
                told[:] = [one for one in told if not is_over(one, told_in)]

    def _up_to(self, month: str) -> Iterator[tuple[str, str, list[str]]]:
        for told_in, by_audience in self.told.items():
            if told_in <= month:
                for audience, told in by_audience.items():
                    yield told_in, audience, told


def memory_file(settings: Settings) -> Path:
    """Where it stands."""
    return settings.home.resolve() / "alerts" / "open.json"


def recall(settings: Settings) -> Memory:
    """What was told; nothing where there is no file, or none that can be read."""
    path = memory_file(settings)
    try:
        return Memory(FORM.validate_json(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read (%s); it begins anew", path, type(error).__name__)
    return Memory({})


@contextmanager
def opened(settings: Settings) -> Iterator[Memory]:
    """The memory for one who tells something; what they change is kept."""
    path = memory_file(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(".lock").open("w")
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, error.strerror)
        yield recall(settings)
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        memory = recall(settings)
        yield memory
        _keep(memory, path)


def _keep(memory: Memory, path: Path) -> None:
    left = {
        month: {audience: ids for audience, ids in sorted(told.items()) if ids}
        for month, told in sorted(memory.told.items())
    }
    _write(path, {month: told for month, told in left.items() if told})


def _write(path: Path, content: object) -> None:
    try:
        with atomic.replaced(path) as aside:
            aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, error.strerror)


def sent_on(day: date, settings: Settings) -> dict[str, list[str]]:
    """By audience, the findings of the watch of a day that were sent last."""
    try:
        kept = FORM.validate_json(_day_file(settings).read_bytes())
    except (OSError, ValidationError):
        return {}
    return kept.get(day.isoformat(), {})


def keep_sent_on(day: date, settings: Settings, findings: dict[str, list[str]]) -> None:
    """These findings of the watch of a day were sent; other days are forgotten."""
    _write(_day_file(settings), {day.isoformat(): findings})


def _day_file(settings: Settings) -> Path:
    return memory_file(settings).with_name("watched.json")
