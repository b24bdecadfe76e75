"""The hash key: made once, kept, and never replaced by another one without a word."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from support.published_months import publish_month

from reporting.core.errors import BadHome
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records import hash_key
from reporting.store import published

RUN = Run(date(2026, 5, 1), datetime(2026, 6, 3))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"))


def key_file(settings: Settings) -> Path:
    return settings.home.resolve() / "secure" / "hash.key"


def test_the_key_is_made_once_and_private(settings: Settings) -> None:
    key = hash_key.hash_key(settings, published.key_checks(settings))
    assert len(key) == hash_key.KEY_BYTES
    assert hash_key.hash_key(settings, published.key_checks(settings)) == key
    assert oct(key_file(settings).stat().st_mode)[-3:] == "600"
    assert [path.name for path in key_file(settings).parent.iterdir()] == ["hash.key"]


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "is missing, and months are built with it; restore it"),
    "empty": (lambda path: path.write_bytes(b""), "holds 0 bytes instead of 32; restore it"),
    "cut": (lambda path: path.write_bytes(b"x" * 31), "holds 31 bytes instead of 32; restore it"),
    "other": (lambda path: path.write_bytes(b"x" * 32), "is not the key that the months"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_built_month_needs_the_key_it_was_built_with(settings: Settings, fault: str) -> None:
    key = hash_key.hash_key(settings, ())
    publish_month(RUN, settings, hash_key.key_check(key))
    spoil, words = FAULTS[fault]
    spoil(key_file(settings))
    with pytest.raises(BadHome, match=words):
        hash_key.hash_key(settings, published.key_checks(settings))


def test_a_month_of_an_older_version_takes_the_key_as_it_is(settings: Settings) -> None:
    key = hash_key.hash_key(settings, ())
    publish_month(RUN, settings)
    assert hash_key.hash_key(settings, published.key_checks(settings)) == key


def test_an_empty_key_is_refused_before_the_first_month(settings: Settings) -> None:
    hash_key.hash_key(settings, ())
    key_file(settings).write_bytes(b"")
    with pytest.raises(BadHome, match="holds 0 bytes instead of 32; remove it"):
        hash_key.hash_key(settings, ())
