"""A sealed file arrives at the bureau once, byte for byte, whatever stops its delivery."""

import hashlib
import json
import random
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.nightly import first
from support.sftp_server import LOGIN, PASSWORD, SftpBureau, new_key_file, serving

from reporting.core.errors import BadCall, DataNotFit
from reporting.core.settings import Settings
from reporting.submission import transport
from reporting.submission.channels import Channel, Folder, Unreached
from reporting.submission.transport import Delivered, NotTransported

NAME = "A1234567890123202606032100010.enc"
CONTENT = random.Random(8).randbytes(150_000)  # noqa: S311 - five packets
SHA256 = hashlib.sha256(CONTENT).hexdigest()
VARIABLE = "AIRFLOW_CONN_REPORTING_BUREAU"


@pytest.fixture(scope="module", autouse=True)
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A configuration of Airflow of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.delenv(VARIABLE, raising=False)
        yield


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "outbox" / "A" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def bureau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpBureau]:
    key_file = tmp_path / "lender_key"
    with serving(tmp_path / "bureau", new_key_file(key_file)) as found:
        monkeypatch.setenv(VARIABLE, json.dumps(found.connection(key_file)))
        yield found


@pytest.fixture
def sftp(tmp_path: Path, bureau: SftpBureau) -> Settings:  # noqa: ARG001 - it listens
    return Settings(home=tmp_path / "home", transport="sftp")


@pytest.fixture
def folder(tmp_path: Path) -> Settings:
    for name in ("in", "out"):
        (tmp_path / "bureau" / name).mkdir(parents=True)
    return Settings(home=tmp_path / "home", transport="folder", bureau_folder=tmp_path / "bureau")


@pytest.fixture(params=["folder", "sftp"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Each kind of channel in turn."""
    found: Settings = request.getfixturevalue(request.param)
    return found


def deliver(sealed: Path, settings: Settings, **others: Any) -> Delivered:
    return transport.deliver(sealed, SHA256, settings, pause=0, **others)


def at_bureau(settings: Settings) -> dict[str, bytes]:
    """Every file on the bureau's side, taken or not."""
    root = settings.home.parent / "bureau"
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def mark_of(sealed: Path) -> Path:
    return sealed.with_name(f"{NAME}.uploaded")


def test_a_file_arrives_once_however_often_it_is_delivered(
    settings: Settings, sealed: Path
) -> None:
    transport.require_transport(settings)
    for _ in range(2):
        assert deliver(sealed, settings) == Delivered(settings.transport, f"in/{NAME}")
        there = at_bureau(settings)
        assert list(there.values()) == [CONTENT]
        assert [name[: len(NAME)] for name in there] == [NAME]
    uploaded, where = mark_of(sealed).read_text().splitlines()
    assert uploaded == SHA256
    assert where.startswith(f"{settings.transport} ")
    assert where.endswith(f" in/{NAME}")
    assert sealed.read_bytes() == CONTENT


def test_a_file_uploaded_to_one_place_is_delivered_to_the_one_that_is_named_then(
    folder: Settings, sealed: Path
) -> None:
    class Stuck(Folder):
        def rename(self, old: str, new: str) -> None:
            raise Unreached(f"{self.host}: {old} cannot be renamed to {new}")

    @contextmanager
    def stuck(settings: Settings) -> Iterator[Channel]:
        yield Stuck(Path(str(settings.bureau_folder)))

    with pytest.raises(NotTransported):
        deliver(sealed, folder, connect=stuck)
    assert mark_of(sealed).exists()
    other = folder.home.parent / "other"
    for name in ("in", "out"):
        (other / name).mkdir(parents=True)
    deliver(sealed, folder.model_copy(update={"bureau_folder": other}))
    assert (other / "in" / NAME).read_bytes() == CONTENT


def test_the_outbox_leaves_all_to_a_person(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    transport.require_transport(settings)
    gone = tmp_path / "outbox" / NAME
    assert deliver(gone, settings) == Delivered("outbox", NAME)
    assert transport.fetch(settings, lambda *_: False) == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("before", "written"),
    [
        (CONTENT[:70_000], 80_000),
        (CONTENT, 0),
        (b"", 150_000),
        (b"other", 150_000),
        (CONTENT[:70_000] + b"other", 150_000),
        (CONTENT + b"more", 150_000),
    ],
)
def test_a_partial_file_is_continued_if_it_is_our_beginning(
    sftp: Settings, bureau: SftpBureau, sealed: Path, before: bytes, written: int
) -> None:
    (bureau.root / "in" / f"{NAME}.part").write_bytes(before)
    deliver(sealed, sftp)
    assert bureau.bytes_written == written
    assert list(at_bureau(sftp).values()) == [CONTENT]


@pytest.mark.parametrize("before", [CONTENT[:70_000], b"other", CONTENT + b"more"])
def test_a_folder_continues_alike(folder: Settings, sealed: Path, before: bytes) -> None:
    (folder.home.parent / "bureau" / "in" / f"{NAME}.part").write_bytes(before)
    deliver(sealed, folder)
    assert at_bureau(folder) == {NAME: CONTENT}


def requests_of_a_delivery(sealed: Path, settings: Settings, bureau: SftpBureau) -> int:
    deliver(sealed, settings)
    number = len(bureau.requests)
    mark_of(sealed).unlink()
    for path in bureau.root.rglob("*"):
        if path.is_file():
            path.unlink()
    return number


@pytest.mark.parametrize("when", ["cut_before", "cut_after"])
def test_a_cut_at_any_request_changes_nothing(
    sftp: Settings, bureau: SftpBureau, sealed: Path, when: str
) -> None:
    number = requests_of_a_delivery(sealed, sftp, bureau)
    assert number > 10
    for cut in range(1, number + 1):
        bureau.requests.clear()
        bureau.arrived.clear()
        getattr(bureau, when).add(cut)
        deliver(sealed, sftp)
        getattr(bureau, when).clear()
        assert bureau.arrived == [NAME], (cut, bureau.requests)
        assert at_bureau(sftp) == {f"{NAME}.1": CONTENT}, cut
        assert len(bureau.requests) > cut, "a second connection"
        mark_of(sealed).unlink()
        (bureau.root / "received" / f"{NAME}.1").unlink()


def test_a_server_that_cuts_three_times_stops_the_delivery_and_the_next_one_goes_on(
    sftp: Settings, bureau: SftpBureau, sealed: Path
) -> None:
    deliver(sealed, sftp)
    mark_of(sealed).unlink()
    writes = [at for at, name in enumerate(bureau.requests, 1) if name == "write"]
    bureau.requests.clear()
    bureau.arrived.clear()
    bureau.cut_after = {writes[2]}
    part = bureau.root / "in" / f"{NAME}.part"

    @contextmanager
    def cut_at_once(settings: Settings) -> Iterator[Channel]:
        """The first try reaches the server, the others reach nothing."""
        if bureau.requests:
            raise Unreached("127.0.0.1: Connection refused")
        with transport.connected(settings) as channel:
            yield channel

    with pytest.raises(NotTransported, match=f"file {NAME} was not delivered .*3 tries") as error:
        deliver(sealed, sftp, connect=cut_at_once)
    assert error.value.exit_code == 1
    assert not mark_of(sealed).exists()
    left = part.stat().st_size
    assert 0 < left < len(CONTENT)
    bureau.bytes_written = 0
    deliver(sealed, sftp)
    assert bureau.bytes_written == len(CONTENT) - left
    assert bureau.arrived == [NAME]


def changing_once(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    left = [change]

    def changed(data: bytes) -> bytes:
        return left.pop()(data) if left else data

    return changed


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def test_what_reads_back_otherwise_is_uploaded_again(
    sftp: Settings, bureau: SftpBureau, sealed: Path
) -> None:
    bureau.changed = changing_once(flipped)
    deliver(sealed, sftp)
    assert list(at_bureau(sftp).values()) == [CONTENT]
    assert bureau.arrived == [NAME]
    assert bureau.bytes_written == 2 * len(CONTENT)


def test_what_never_reads_back_alike_is_not_delivered(
    sftp: Settings, bureau: SftpBureau, sealed: Path
) -> None:
    bureau.changed = flipped
    with pytest.raises(NotTransported, match=r"127.0.0.1: what was written reads back otherwise"):
        deliver(sealed, sftp)
    assert not bureau.arrived
    assert not mark_of(sealed).exists()


def test_without_reading_back_the_size_alone_counts(
    sftp: Settings, bureau: SftpBureau, sealed: Path
) -> None:
    settings = sftp.model_copy(update={"read_back": False})
    (bureau.root / "in" / f"{NAME}.part").write_bytes(CONTENT[:70_000])
    bureau.changed = changing_once(flipped)
    deliver(sealed, settings)
    assert "read" not in bureau.requests
    assert bureau.bytes_written == len(CONTENT), "what is not read is not continued"
    (arrived,) = at_bureau(sftp).values()
    assert arrived != CONTENT
    assert len(arrived) == len(CONTENT)


def test_a_file_changed_in_the_outbox_does_not_leave(settings: Settings, sealed: Path) -> None:
    sealed.write_bytes(flipped(CONTENT))
    with pytest.raises(DataNotFit, match=f"file {NAME} in the outbox is not the one that was"):
        deliver(sealed, settings)
    assert at_bureau(settings) == {}


class Stopped(Exception):
    """A process that ends at an effect."""


class Stopping:
    """A channel that stops its process before or after the n-th operation."""

    def __init__(self, channel: Channel, stop: int, after: bool, seen: list[str]) -> None:
        self.channel, self.stop, self.after, self.seen = channel, stop, after, seen

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.channel, name)
        if not callable(found):
            return found

        def operation(*arguments: Any) -> Any:
            self.seen.append(name)
            is_here = len(self.seen) == self.stop
            if is_here and not self.after:
                raise Stopped
            done = found(*arguments)
            if is_here:
                raise Stopped
            return done

        return operation


def stopping(
    stop: int, after: bool, seen: list[str]
) -> Callable[[Settings], AbstractContextManager[Any]]:
    @contextmanager
    def connect(settings: Settings) -> Iterator[Any]:
        with transport.connected(settings) as channel:
            yield Stopping(channel, stop, after, seen)

    return connect


@pytest.mark.parametrize("after", [False, True])
def test_a_delivery_stopped_at_any_operation_is_ended_by_the_next(
    settings: Settings, sealed: Path, after: bool
) -> None:
    seen: list[str] = []
    deliver(sealed, settings, connect=stopping(0, after, seen))
    assert seen[-1] == "rename"
    for stop in range(1, len(seen) + 1):
        for path in [mark_of(sealed), *(settings.home.parent / "bureau").rglob(f"*{NAME}*")]:
            path.unlink(missing_ok=True)
        with pytest.raises(Stopped):
            deliver(sealed, settings, connect=stopping(stop, after, []))
        taken = list((settings.home.parent / "bureau" / "in").glob("*.enc"))
        for path in taken:  # the bureau takes what has its name
            path.rename(path.parents[1] / f"taken {path.name}")
        deliver(sealed, settings)
        assert list(at_bureau(settings).values()) == [CONTENT], stop


# A process that is killed before or after its n-th effect on files.
KILLED = """
import os, sys
from pathlib import Path
from reporting.core.settings import Settings
from reporting.submission import transport
home, bureau, sealed, sha256, stop = sys.argv[1:]
settings = Settings(home=home, transport="folder", bureau_folder=bureau)
effects = ("open", "os.rename", "os.remove")
def killed(event, arguments, seen=[]):
    if event in effects and (event != "open" or set("w+") & set(str(arguments[1]))):
        seen.append(event)
        if len(seen) == int(stop):
            os._exit(9)
sys.addaudithook(killed)
transport.deliver(Path(sealed), sha256, settings, pause=0)
"""


def test_a_delivery_killed_before_any_effect_is_ended_by_the_next(
    folder: Settings, sealed: Path
) -> None:
    root = folder.home.parent / "bureau"
    call = [sys.executable, "-c", KILLED, str(folder.home), str(root), str(sealed), SHA256]
    ends = []
    while 0 not in ends:
        for path in [mark_of(sealed), *root.rglob(f"*{NAME}*")]:
            path.unlink(missing_ok=True)
        ends.append(subprocess.run([*call, str(len(ends) + 1)], check=False).returncode)
        for path in (root / "in").glob("*.enc"):
            path.rename(root / f"taken {path.name}")
        deliver(sealed, folder)
        assert list(at_bureau(folder).values()) == [CONTENT], ends
        assert {path.name for path in sealed.parent.iterdir()} == {NAME, f"{NAME}.uploaded"}
    assert len(ends) >= 4, "the part, the mark aside, its rename, the rename at the bureau"
    assert set(ends) == {0, 9}


def connection_of(bureau: SftpBureau, tmp_path: Path, **others: Any) -> dict[str, Any]:
    usual = bureau.connection(tmp_path / "lender_key")
    extra = usual["extra"] | others.pop("extra", {})
    return usual | others | {"extra": {key: value for key, value in extra.items() if value}}


def test_another_host_key_is_refused(
    sftp: Settings,
    bureau: SftpBureau,
    sealed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {"host_key": new_key_file(tmp_path / "other")}
    monkeypatch.setenv(VARIABLE, json.dumps(connection_of(bureau, tmp_path, extra=other)))
    with pytest.raises(BadCall, match=r"connection reporting_bureau: 127.0.0.1 shows another host"):
        deliver(sealed, sftp)
    assert not bureau.requests


def test_a_login_that_is_refused_is_not_tried_again(
    sftp: Settings,
    bureau: SftpBureau,
    sealed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_key_file(tmp_path / "other")
    other = {"key_file": str(tmp_path / "other")}
    monkeypatch.setenv(VARIABLE, json.dumps(connection_of(bureau, tmp_path, extra=other)))
    with pytest.raises(BadCall, match=f"127.0.0.1 does not let {LOGIN} in; correct its login"):
        deliver(sealed, sftp)


def test_a_password_and_other_folders_serve_as_well(
    sftp: Settings,
    bureau: SftpBureau,
    sealed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (bureau.root / "to" / "bureau").mkdir(parents=True)
    extra = {"key_file": "", "in": "to/bureau/"}
    named = connection_of(bureau, tmp_path, password=PASSWORD, extra=extra)
    monkeypatch.setenv(VARIABLE, json.dumps(named))
    assert deliver(sealed, sftp) == Delivered("sftp", f"to/bureau/{NAME}")
    assert bureau.arrived == [NAME]
    monkeypatch.setenv(VARIABLE, json.dumps(named | {"password": "another secret"}))
    mark_of(sealed).unlink()
    with pytest.raises(BadCall) as error:
        deliver(sealed, sftp)
    assert "secret" not in str(error.value)


def test_a_server_that_is_away_is_named(
    sftp: Settings,
    bureau: SftpBureau,
    sealed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        away = connection_of(bureau, tmp_path, port=bound.getsockname()[1], password="secret")  # noqa: S106
        del away["extra"]["key_file"]
        monkeypatch.setenv(VARIABLE, json.dumps(away))
        with pytest.raises(
            NotTransported, match=rf"{NAME} was not delivered \(127.0.0.1: Connection"
        ) as error:
            deliver(sealed, sftp)
    assert "secret" not in str(error.value)
    assert "give the command again" in str(error.value)


def test_a_folder_of_the_server_that_is_not_there_is_said(
    sftp: Settings, bureau: SftpBureau, sealed: Path
) -> None:
    (bureau.root / "in").rmdir()
    with pytest.raises(NotTransported, match=r"127.0.0.1: No such file or directory, 3 tries"):
        deliver(sealed, sftp)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"conn_type": "ssh"}, "it is of type 'ssh'; make it one of type 'sftp'"),
        ({"host": ""}, "it names no host; add it"),
        ({"login": ""}, "it names no login; add it"),
        ({"extra": {"host_key": ""}}, "its extra 'host_key' is missing; ask the bureau"),
        ({"extra": {"host_key": "AAAA"}}, "its extra 'host_key' is not of the form"),
        ({"extra": {"host_key": "ssh-ed25519 A!"}}, "its extra 'host_key' is not of the form"),
        ({"extra": {"host_key": "ssh-ed25519 AAAA"}}, "its extra 'host_key' is not of the form"),
        ({"extra": {"host_key": "ssh-new AAAA"}}, "its extra 'host_key' is not of the form"),
        ({"extra": {"key_file": ""}}, "its extra 'key_file' is missing; name the file"),
        ({"extra": {"key_file": "/no/key"}}, "its 'key_file' /no/key is not a private key"),
        ({"extra": {"key_file": __file__}}, f"its 'key_file' {__file__} is not a private key"),
    ],
)
def test_what_a_connection_lacks_is_named_before_a_release(
    sftp: Settings,
    bureau: SftpBureau,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    others: dict[str, Any],
    words: str,
) -> None:
    transport.require_transport(sftp)
    monkeypatch.setenv(VARIABLE, json.dumps(connection_of(bureau, tmp_path, **others)))
    with pytest.raises(BadCall) as error:
        transport.require_transport(sftp)
    assert str(error.value).startswith(f"connection reporting_bureau: {words}")


@pytest.mark.parametrize("value", [None, "{not json"])
def test_a_connection_that_airflow_cannot_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(BadCall, match=f"set the variable {VARIABLE} to one as JSON or as a URI"):
        transport.require_transport(Settings(home=tmp_path, transport="sftp"))


def test_what_a_folder_lacks_is_named(folder: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadCall, match="REPORTING_BUREAU_FOLDER: no folder is named"):
        transport.require_transport(folder.model_copy(update={"bureau_folder": None}))
    (tmp_path / "bureau" / "out").rmdir()
    with pytest.raises(BadCall, match=r"REPORTING_BUREAU_FOLDER: there is no folder .*/out; make"):
        transport.require_transport(folder)


def answers(settings: Settings) -> Path:
    return settings.home.parent / "bureau" / "out"


def none_known(_: str, __: int) -> bool:
    return False


def test_new_answers_are_fetched_once_and_stay_at_the_bureau(settings: Settings) -> None:
    out = answers(settings)
    names = [f"{NAME[:29]}1.enc", "B.enc", "C.enc", "D.enc.part", ".hidden", "with space.enc"]
    for name in names:
        (out / name).write_bytes(name.encode() * 9000)
    (out / "folder.enc").mkdir()
    known = {("B.enc", 5 * 9000), ("C.enc", 1)}  # C.enc was read, and then it was shorter
    for _ in range(2):
        found = transport.fetch(settings, lambda *file: file in known, pause=0)
        assert [path.name for path in found] == [names[0], "C.enc"]
        new = settings.inbox / "new"
        assert sorted(path.name for path in new.iterdir()) == [names[0], "C.enc"]
        assert all(path.read_bytes() == path.name.encode() * 9000 for path in found)
    assert stat.S_IMODE(new.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "folder.enc"])


@pytest.mark.parametrize("step", first(1, [5, 1]))
def test_a_fetch_that_is_cut_leaves_whole_files_only(
    sftp: Settings, bureau: SftpBureau, step: int
) -> None:
    for name in ("A.enc", "B.enc"):
        (answers(sftp) / name).write_bytes(CONTENT)
    transport.fetch(sftp, none_known, pause=0)
    number = len(bureau.requests)
    for cut in range(1, number + 1, step):
        for path in (sftp.inbox / "new").iterdir():
            path.unlink()
        bureau.requests.clear()
        bureau.cut_before = {cut}
        found = transport.fetch(sftp, none_known, pause=0)
        assert [path.read_bytes() for path in found] == [CONTENT, CONTENT], cut
        assert {path.name for path in (sftp.inbox / "new").iterdir()} == {"A.enc", "B.enc"}


def test_an_answer_that_ends_early_is_not_taken(folder: Settings) -> None:
    class Short(Folder):
        def read(self, path: str) -> Iterator[bytes]:
            yield next(super().read(path))[:-1]

    @contextmanager
    def connect(settings: Settings) -> Iterator[Channel]:
        yield Short(settings.bureau_folder or Path())

    (answers(folder) / "A.enc").write_bytes(CONTENT)
    with pytest.raises(NotTransported, match=r"answers were not fetched \(A.enc ended"):
        transport.fetch(folder, none_known, pause=0, connect=connect)
    assert not list((folder.inbox / "new").iterdir())


def test_an_error_of_our_own_disk_is_not_taken_for_the_bureaus(folder: Settings) -> None:
    (answers(folder) / "A.enc").write_bytes(CONTENT)
    (folder.inbox / "new" / "A.enc").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        transport.fetch(folder, none_known, pause=0)


def test_persons_go_before_agreements_and_these_before_accounts() -> None:
    names = [f"A12345678901232026060{day}{kind}0001" for day in "34" for kind in (210, 110, 220)]
    found = transport.in_order([Path("outbox") / f"{name}0.enc" for name in names])
    assert [(path.name[22:25], path.name[21]) for path in found] == [
        (kind, day) for kind in ("110", "220", "210") for day in "34"
    ]
