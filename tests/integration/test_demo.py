"""`make run`: three months to the bureau and back, and again in the same home."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.gnupg_keys import needs_gpg

from reporting.cli import demo
from reporting.core.errors import BadCall
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.store.run_marks import now
from reporting.store.submission_ledger import Event, acting, append


@pytest.fixture
def settings() -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="d") as name:  # a short path, for GnuPG's agent
        yield Settings(home=Path(name), landing=f"{name}/landing")


@needs_gpg
@pytest.mark.nightly
def test_the_demonstration_goes_round_and_begins_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        demo.run_demo(settings, accounts=150, months=12, seed=7)
        printed = " ".join(capsys.readouterr().out.split())
        assert "The bureau holds" in printed
        assert "each as marts.as_reported says" in printed
    with duckdb.connect(str(settings.published_database), read_only=True) as connection:
        actors = connection.execute(
            "select event, string_agg(distinct actor) from marts.submission_events "
            "where event in ('BUILT', 'APPROVED') group by event order by all"
        ).fetchall()
        months = connection.execute(
            "select sum(rejected), sum(unanswered), count(distinct report_month) "
            "from marts.submissions"
        ).fetchall()
    assert actors == [("APPROVED", demo.APPROVER), ("BUILT", demo.BUILDER)]
    assert months == [(3, 0, 3)]


def test_it_removes_nothing_that_somebody_else_has_built(settings: Settings) -> None:
    with exclusive(settings), acting("os:anna"):
        append(settings, now(), [Event(event="BUILT")])
    with pytest.raises(BadCall, match="holds months that os:anna has built; name another folder"):
        demo.run_demo(settings, accounts=150, months=12, seed=7)
    assert len(list((settings.ledger / "events").iterdir())) == 1
    assert not settings.landing_folder.exists()


def test_it_removes_nothing_that_somebody_else_has_built_beside_its_own(
    settings: Settings,
) -> None:
    for actor in (demo.BUILDER, "airflow:builder"):
        with exclusive(settings), acting(actor):
            append(settings, now(), [Event(event="BUILT")])
    with pytest.raises(BadCall, match="airflow:builder has built"):
        demo.run_demo(settings, accounts=150, months=12, seed=7)
    assert len(list((settings.ledger / "events").iterdir())) == 2


def test_it_removes_nothing_before_the_book_is_written(settings: Settings) -> None:
    with exclusive(settings), acting(demo.BUILDER):
        append(settings, now(), [Event(event="BUILT")])
    real = settings.landing_folder / "accounts" / "accounts.csv"
    real.parent.mkdir(parents=True)
    real.write_text("account_id\n")
    with pytest.raises(BadCall, match="no synthetic extract"):
        demo.run_demo(settings, accounts=150, months=12, seed=7)
    assert settings.ledger.exists()


def test_a_removal_that_was_stopped_is_done_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with exclusive(settings), acting(demo.BUILDER):
        append(settings, now(), [Event(event="BUILT")])
    for name in demo.MADE:
        (settings.home / name).mkdir(exist_ok=True)
    removed = []

    def stopped(path: Path) -> None:
        if path.name == "bureau":
            raise KeyboardInterrupt
        removed.append(path.name)

    with monkeypatch.context() as patched:
        patched.setattr(demo.atomic, "delete", stopped)
        with pytest.raises(KeyboardInterrupt):
            demo.begin_again(settings)
    assert removed
    demo.begin_again(settings)
    assert not [name for name in demo.MADE if (settings.home / name).exists()]


def test_it_removes_what_it_made_itself(settings: Settings) -> None:
    with exclusive(settings), acting(demo.BUILDER):
        append(settings, now(), [Event(event="BUILT")])
    kept = settings.home / "landing"
    kept.mkdir()
    demo.begin_again(settings)
    assert not settings.ledger.exists()
    assert kept.exists()


def test_without_gnupg_it_says_what_is_left_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(demo, "run_in_process", lambda *_: None)
    monkeypatch.setattr(demo.summary, "show", lambda *_: None)
    demo.run_demo(settings, accounts=20, months=4, seed=7)
    words = " ".join(capsys.readouterr().out.split())
    assert "were left out: the program gpg is not installed" in words
