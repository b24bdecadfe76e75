"""One process at a time works in a home folder, and the lock ends with its process."""

import fcntl
import threading
from errno import ENOSYS
from pathlib import Path

import pytest
from support.locked_home import held_by_another

from reporting.core.errors import BadCall, BadHome
from reporting.core.settings import Settings
from reporting.core.workspace import LOCK, exclusive, is_held, is_in_use


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_the_lock_ends_with_a_killed_process(settings: Settings) -> None:
    with held_by_another(settings) as holder:
        assert is_in_use(settings)
        assert not is_held(settings)
        with pytest.raises(BadCall, match="another run is working in"), exclusive(settings):
            pass
        holder.kill()
    assert not is_in_use(settings)
    with exclusive(settings):
        assert is_held(settings)
    assert not is_held(settings)


def test_a_waiting_command_says_so_and_gets_the_lock_when_it_is_free(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with held_by_another(settings) as holder:

        def end_holder() -> None:
            while "waiting for it" not in caplog.text:
                threading.Event().wait(0.01)
            holder.kill()

        ending = threading.Thread(target=end_holder)
        ending.start()
        with exclusive(settings, wait=True):
            assert is_held(settings)
        ending.join()


def test_the_holder_may_take_it_again_in_any_thread(settings: Settings) -> None:
    seen = []

    def again() -> None:
        with exclusive(settings):
            seen.append(is_held(settings))

    with exclusive(settings):
        again()
        (other := threading.Thread(target=again)).start()
        other.join()
        seen.append(is_held(settings))
    assert seen == [True, True, True]


def test_looking_at_a_home_takes_nothing_and_makes_nothing(settings: Settings) -> None:
    assert not is_in_use(settings)
    assert not settings.home.exists()
    with exclusive(settings):
        pass
    assert not is_in_use(settings)
    assert [path.name for path in settings.work.iterdir()] == [LOCK]


def test_a_file_system_without_locks_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    line = r"REPORTING_HOME: cannot write in the folder .* \(Function not implemented\)"
    with pytest.raises(BadHome, match=line), exclusive(settings):
        pass
