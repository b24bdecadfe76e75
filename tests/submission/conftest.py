"""Two months of a small lender, built once; each test works on a copy with keys of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gnupg_keys import made_keys, with_keys
from support.lender_months import Lender, build, settings_in
from support.released_answers import Released
from support.released_months import FIRST, SECOND, approve, copy_of

from reporting.core.settings import Settings
from reporting.store.submission_ledger import acting
from reporting.synthetic import lender


@pytest.fixture(scope="session")
def keys() -> Iterator[dict[str, object]]:
    with made_keys() as found:
        yield found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """Two built months of a small lender, by os:anna. Tests copy it."""
    settings = settings_in(tmp_path_factory.mktemp("built"))
    lender.generate(Path(settings.landing), accounts=120, months=4, seed=7)
    with acting("os:anna"):
        return build(settings, FIRST, SECOND)


@pytest.fixture
def settings(built: Lender, keys: dict[str, object], tmp_path: Path) -> Settings:
    return with_keys(copy_of(built.settings, tmp_path / "home"), keys)


@pytest.fixture(scope="session")
def approved_once(
    built: Lender, keys: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The lender with its first month approved by os:bo. Tests copy it."""
    home = tmp_path_factory.mktemp("approved") / "home"
    settings = with_keys(copy_of(built.settings, home), keys)
    approve(settings, FIRST)
    return settings


@pytest.fixture
def approved(approved_once: Settings, tmp_path: Path) -> Settings:
    return copy_of(approved_once, tmp_path / "home")


@pytest.fixture(scope="session")
def released_once(approved_once: Settings, tmp_path_factory: pytest.TempPathFactory) -> Released:
    """The lender with its first month released. Tests copy it."""
    home = tmp_path_factory.mktemp("released") / "home"
    return Released.of_approved(copy_of(approved_once, home))


@pytest.fixture
def released(released_once: Released, tmp_path: Path) -> Released:
    return released_once.copy(tmp_path / "home")
