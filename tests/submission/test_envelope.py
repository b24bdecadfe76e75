"""What leaves is sealed for bureau and archive; what comes counts if the bureau has sealed it."""

import errno
import gzip
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from support.key_homes import LONG_AGO, KeyHome, Sides, key_homes, sides
from support.small_disk import mounted

from reporting.core.errors import BadCall
from reporting.core.settings import Settings
from reporting.submission import envelope, keys
from reporting.submission.envelope import Fault, NotGenuine, Sealed

NAME = "A1234567890123202606032100001.txt"
MARK = b"<Document>a clear line of a person</Document>\n"
CLEAR = b"".join(b"%06d" % line + MARK for line in range(20_000))
ANSWER = b"A050210 the bureau's answer\n" * 100


@pytest.fixture(scope="module")
def all_sides() -> Iterator[Sides]:
    with sides() as found:
        yield found


@pytest.fixture
def settings(all_sides: Sides, tmp_path: Path) -> Settings:
    return all_sides.settings(tmp_path)


def sealed(folder: Path, settings: Settings, content: bytes = CLEAR) -> tuple[Path, Path, Sealed]:
    clear, enc, archive = (folder / name for name in (NAME, "out.enc", "archive.gpg"))
    clear.write_bytes(content)
    return enc, archive, envelope.seal(clear, enc, archive, settings)


def digest(path: Path) -> tuple[str, int]:
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"\n", CLEAR], ids=["empty", "a line", "lines"])
def test_bureau_and_archive_open_what_was_sealed(
    all_sides: Sides, settings: Settings, tmp_path: Path, content: bytes
) -> None:
    enc, archive, found = sealed(tmp_path, settings, content)
    for path, side in ((enc, all_sides.bureau), (archive, all_sides.archive)):
        zipped = side.opened(path)
        assert gzip.decompress(zipped) == content
        assert zipped[:8] == b"\x1f\x8b\x08\0\0\0\0\0", "a name or a time"
        words = side.words(path)
        assert f"VALIDSIG {all_sides.keys['lender']}" in words
        assert "DECRYPTION_INFO 2 9 " in words, "AES256 with integrity"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"-----BEGIN" not in path.read_bytes()
    assert (found.sha256, found.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (found.sealed_sha256, found.sealed_size) == digest(enc)
    assert (found.archive_sha256, found.archive_size) == digest(archive)


def test_only_the_bureaus_first_key_and_every_archive_key_read(
    all_sides: Sides, tmp_path: Path
) -> None:
    names = all_sides.keys
    both = (names["archive"], names["stranger"])
    settings = all_sides.settings(tmp_path, archive_key=both)
    second = {"bureau_key": (names["bureau"], names["stranger"])}
    settings = settings.model_copy(update=second)
    enc, archive, _ = sealed(tmp_path, settings)
    assert all_sides.archive.opened(archive) == all_sides.stranger.opened(archive)
    with pytest.raises(subprocess.CalledProcessError):
        all_sides.stranger.opened(enc)
    with pytest.raises(subprocess.CalledProcessError):
        all_sides.lender.opened(archive)


def test_the_clear_hash_is_of_the_content_alone(settings: Settings, tmp_path: Path) -> None:
    first, second = (sealed(tmp_path, settings)[2] for _ in range(2))
    assert first.sha256 == second.sha256
    assert first.sealed_sha256 != second.sealed_sha256, "each message has a key of its own"


def test_the_archive_is_read_where_its_key_is(
    all_sides: Sides, settings: Settings, tmp_path: Path
) -> None:
    _, archive, _ = sealed(tmp_path, settings)
    there = all_sides.settings(tmp_path, gnupg_home=all_sides.archive.folder)
    assert envelope.read_archive(archive, there) == CLEAR
    with pytest.raises(NotGenuine, match=r"archive.gpg does not open with our key; read it where"):
        envelope.read_archive(archive, settings)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(NotGenuine, match="is damaged or cut off"):
        envelope.read_archive(archive, there)


def test_no_clear_byte_comes_to_the_disk(
    all_sides: Sides, settings: Settings, tmp_path: Path
) -> None:
    sealed(tmp_path, settings)
    (tmp_path / NAME).unlink()
    for folder in (tmp_path, all_sides.lender.folder):
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert MARK not in content
                assert b"\x1f\x8b\x08\0" not in content, "zipped and not encrypted"


def test_a_key_that_fails_leaves_no_file(all_sides: Sides, tmp_path: Path) -> None:
    settings = all_sides.settings(tmp_path, archive_key=("0" * 40,))
    with pytest.raises(BadCall, match="setting REPORTING_ARCHIVE_KEY: no usable key 0000"):
        sealed(tmp_path, settings, os.urandom(3_000_000))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_full_disk_is_named_and_leaves_no_file(settings: Settings, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "1m") as small:
        clear, enc = tmp_path / NAME, tmp_path / "out.enc"
        clear.write_bytes(os.urandom(3_000_000))
        with pytest.raises(OSError, match="No space left") as caught:
            envelope.seal(clear, enc, small / "archive.gpg", settings)
        assert caught.value.errno == errno.ENOSPC
        assert not enc.exists()
        assert not list(small.iterdir())


def test_a_missing_clear_file_leaves_no_file(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        envelope.seal(tmp_path / NAME, tmp_path / "out.enc", tmp_path / "archive.gpg", settings)
    assert not list(tmp_path.iterdir())


IN_A_CHILD = """
import resource, sys
from pathlib import Path
from reporting.core.settings import Settings
from reporting.submission import envelope
folder, home, lender, bureau, archive = sys.argv[1:]
settings = Settings(home=folder, gnupg_home=home, lender_key=lender, bureau_key=bureau,
                    archive_key=archive)
envelope.seal(*(Path(folder) / name for name in ("clear", "enc", "gpg")), settings)
# not its own ru_maxrss, which counts the memory of the process that started it
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0], resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_large_file_takes_no_more_memory(all_sides: Sides, tmp_path: Path) -> None:
    with (tmp_path / "clear").open("wb") as file:
        for _ in range(100_000_000 // len(CLEAR) + 1):
            file.write(CLEAR)
    named = [all_sides.keys[name] for name in ("lender", "bureau", "archive")]
    done = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD, str(tmp_path), str(all_sides.lender.folder), *named],
        check=True,
        capture_output=True,
        text=True,
    )
    assert max(map(int, done.stdout.split())) < 150_000, "kilobytes, of Python and of GnuPG"


def answer_of(
    content: bytes, side: KeyHome, to: str, *by: str, options: tuple[str, ...] = ()
) -> bytes:
    return side.seal(gzip.compress(content), to, *by, options=options)


@pytest.fixture
def genuine(all_sides: Sides) -> bytes:
    return answer_of(ANSWER, all_sides.bureau, all_sides.keys["lender"], all_sides.keys["bureau"])


def refused(content: bytes, settings: Settings, largest: int = envelope.LARGEST) -> Fault:
    path = settings.home / "answer.enc"
    path.write_bytes(content)
    with pytest.raises(
        NotGenuine, match=r"^feedback answer.enc .*; ask the bureau for it"
    ) as error:
        envelope.open_answer(path, settings, largest)
    assert error.value.exit_code == 1
    return error.value.fault


@pytest.mark.parametrize("place", [0, 1])
def test_an_answer_of_the_bureau_opens(
    all_sides: Sides, genuine: bytes, tmp_path: Path, place: int
) -> None:
    listed = [all_sides.keys["stranger"], all_sides.keys["archive"]]
    listed.insert(place, all_sides.keys["bureau"].lower())
    (tmp_path / "answer.enc").write_bytes(genuine)
    others = {"bureau_key": tuple(listed), "archive_key": (all_sides.keys["lender"],)}
    settings = all_sides.settings(tmp_path, **others)
    assert envelope.open_answer(tmp_path / "answer.enc", settings) == ANSWER


def test_a_cut_answer_is_refused_wherever_it_is_cut(genuine: bytes, settings: Settings) -> None:
    whole = len(genuine)
    for size in (0, 1, 40, 100, whole // 2, whole - 40, whole - 1):
        assert refused(genuine[:size], settings) in (Fault.CLOSED, Fault.DAMAGED), size


def test_a_changed_answer_is_refused_wherever_it_is_changed(
    genuine: bytes, settings: Settings
) -> None:
    for place in (0, 20, 60, len(genuine) // 2, len(genuine) - 40, len(genuine) - 1):
        changed = genuine[:place] + bytes([genuine[place] ^ 1]) + genuine[place + 1 :]
        assert refused(changed, settings) in (Fault.CLOSED, Fault.DAMAGED), place
    assert refused(genuine + b"more", settings) is Fault.DAMAGED
    assert refused(genuine + genuine, settings) is Fault.DAMAGED


def sealed_wrongly(sides: Sides) -> dict[str, Callable[[], bytes]]:
    to, own, names = sides.keys["lender"], sides.bureau, sides.keys
    by, zipped = names["bureau"], gzip.compress(ANSWER)
    return {
        "by a stranger": lambda: answer_of(ANSWER, sides.stranger, to, names["stranger"]),
        "by the lender": lambda: answer_of(ANSWER, sides.lender, to, to),
        "by an unknown": lambda: answer_of(
            ANSWER, sides.stranger, to, sides.stranger.make("unknown")
        ),
        "by nobody": lambda: answer_of(ANSWER, own, to),
        "not encrypted": lambda: own.gpg("--sign", "--local-user", by, content=zipped),
        "to another": lambda: answer_of(ANSWER, own, by, by),
        "gzip cut off": lambda: own.seal(zipped[:-9], to, by),
        "gzip with more": lambda: own.seal(zipped + b"more", to, by),
        "two gzips": lambda: own.seal(zipped + zipped, to, by),
        "no gzip": lambda: own.seal(ANSWER, to, by),
        "random bytes": lambda: os.urandom(1000),
    }


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("by a stranger", Fault.UNSIGNED),
        ("by the lender", Fault.UNSIGNED),
        ("by an unknown", Fault.UNSIGNED),
        ("by nobody", Fault.UNSIGNED),
        ("not encrypted", Fault.CLOSED),
        ("to another", Fault.CLOSED),
        ("gzip cut off", Fault.DAMAGED),
        ("gzip with more", Fault.DAMAGED),
        ("two gzips", Fault.DAMAGED),
        ("no gzip", Fault.DAMAGED),
        ("random bytes", Fault.CLOSED),
    ],
)
def test_an_answer_sealed_otherwise_is_refused(
    all_sides: Sides, settings: Settings, how: str, fault: Fault
) -> None:
    assert refused(sealed_wrongly(all_sides)[how](), settings) is fault


def test_an_answer_with_another_signature_beside_the_bureaus_is_refused(
    all_sides: Sides, settings: Settings
) -> None:
    with key_homes("both") as (both,):
        theirs = [both.make(name) for name in ("one", "two")]
        both.give(theirs[0], all_sides.lender)
        both.give(theirs[1], all_sides.lender)
        all_sides.lender.give(all_sides.keys["lender"], both)
        content = answer_of(ANSWER, both, all_sides.keys["lender"], *theirs)
    listed = settings.model_copy(update={"bureau_key": (theirs[0],)})
    assert refused(content, listed) is Fault.UNSIGNED


def test_an_answer_too_large_is_refused_before_it_is_in_memory(
    all_sides: Sides, settings: Settings, genuine: bytes
) -> None:
    assert refused(genuine, settings, len(ANSWER) - 1) is Fault.TOO_LARGE
    packed = all_sides.bureau.seal(
        bytes(10_000_000), all_sides.keys["lender"], all_sides.keys["bureau"]
    )
    assert len(packed) < 100_000
    assert refused(packed, settings, 1_000_000) is Fault.TOO_LARGE


def test_a_signature_of_a_key_that_has_expired_or_was_revoked_does_not_count(
    settings: Settings, all_sides: Sides
) -> None:
    to = all_sides.keys["lender"]
    with key_homes("bureau") as (bureau,):
        all_sides.lender.give(to, bureau)
        old, broken = bureau.make("old", expires="2d", at=LONG_AGO), bureau.make("broken")
        then = (
            "--faked-system-time",
            f"{LONG_AGO}!",
            "--ignore-time-conflict",
            "--ignore-valid-from",
        )
        plain = bureau.gpg(*then, "--sign", "--local-user", old, content=gzip.compress(ANSWER))
        by_broken = answer_of(ANSWER, bureau, to, broken)
        bureau.revoke(broken)
        bureau.give(old, all_sides.lender)
        bureau.give(broken, all_sides.lender)
        by_old = bureau.gpg("--encrypt", "--recipient", to, "--no-literal", content=plain)
    listed = settings.model_copy(update={"bureau_key": (old, broken)})
    assert refused(by_broken, listed) is Fault.UNSIGNED
    assert refused(by_old, listed) is Fault.UNSIGNED


@pytest.fixture(scope="module")
def worn(all_sides: Sides) -> dict[str, str]:
    """Keys that cannot be used, in the lender's folder."""
    home = all_sides.lender
    found = {
        "expired": home.make("expired", expires="2d", at=LONG_AGO),
        "revoked": home.make("revoked"),
        "dated": home.make("dated", expires="2098-06-30"),
    }
    home.revoke(found["revoked"])
    home.gpg("--quick-generate-key", "signer <signer@example.org>", "ed25519", "cert,sign", "never")
    found["signer"] = home.fingerprint("<signer@example.org>")
    return found


def test_keys_that_can_be_used_are(settings: Settings) -> None:
    keys.require_keys(settings)
    assert keys.missing(settings) == ""
    assert [(key.setting, key.fault, key.expires) for key in keys.keys(settings)] == [
        (setting, "", None) for setting in (keys.LENDER, keys.BUREAU, keys.ARCHIVE)
    ]


@pytest.mark.parametrize("setting", ["lender_key", "bureau_key", "archive_key"])
@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("expired", "it expired on 2020-01-03; import a usable one into"),
        ("revoked", "it was revoked; import"),
        ("signer", r"it cannot encrypt \(any more\); import"),
        ("unknown", "it is not in "),
        ("", "key is named; name "),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_its_setting(
    all_sides: Sides, worn: dict[str, str], tmp_path: Path, setting: str, which: str, words: str
) -> None:
    key = {"unknown": "A" * 40, "": ""}.get(which) if which in ("unknown", "") else worn[which]
    value: object = key if setting == "lender_key" else (key,) if key else ()
    settings = all_sides.settings(tmp_path, **{setting: value})
    with pytest.raises(BadCall, match=f"setting REPORTING_{setting.upper()}: no .*{words}"):
        keys.require_keys(settings)


def test_every_listed_key_is_required_and_a_second_bureau_key_only_verifies(
    all_sides: Sides, worn: dict[str, str], tmp_path: Path
) -> None:
    good = all_sides.keys["bureau"]
    keys.require_keys(all_sides.settings(tmp_path, bureau_key=(good, worn["signer"])))
    for setting, usable in (("bureau_key", good), ("archive_key", all_sides.keys["archive"])):
        settings = all_sides.settings(tmp_path, **{setting: (usable, worn["revoked"])})
        with pytest.raises(BadCall, match=f"{setting.upper()}: no usable key {worn['revoked']}"):
            keys.require_keys(settings)


def test_the_lenders_key_needs_its_secret(all_sides: Sides, tmp_path: Path) -> None:
    settings = all_sides.settings(tmp_path, lender_key=all_sides.keys["archive"])
    with pytest.raises(BadCall, match=r"REPORTING_LENDER_KEY: .* it has no secret key in"):
        keys.require_keys(settings)


def test_the_watch_sees_when_a_key_expires(
    all_sides: Sides, worn: dict[str, str], tmp_path: Path
) -> None:
    settings = all_sides.settings(tmp_path, archive_key=(worn["dated"], worn["expired"], "B" * 40))
    found = {key.fingerprint: key for key in keys.keys(settings)}
    assert found[worn["dated"]].expires == date(2098, 6, 30)
    assert found[worn["expired"]].expires == date(2020, 1, 3)
    assert found["B" * 40].expires is None
    assert found["B" * 40].fault.startswith("is not in")


def test_what_is_missing_on_this_machine_is_one_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = settings.model_copy(update={"bureau_key": ()})
    assert keys.missing(without).startswith("setting REPORTING_BUREAU_KEY: no key is named")
    monkeypatch.setenv("PATH", "")
    assert keys.missing(settings).startswith("the program gpg is not installed")
    with pytest.raises(BadCall, match="the program gpg is not installed"):
        keys.require_keys(settings)


def test_a_folder_of_keys_that_cannot_be_used_is_named(settings: Settings, tmp_path: Path) -> None:
    long = tmp_path / ("long" * 20)
    long.mkdir()
    for folder, words in (
        (long, "bytes and GnuPG's agent allows 80"),
        (tmp_path / "no", "no"),
    ):
        changed = settings.model_copy(update={"gnupg_home": folder})
        with pytest.raises(BadCall, match=f"setting REPORTING_GNUPG_HOME: .*{words}"):
            keys.require_keys(changed)


def test_the_passphrase_is_read_from_its_file(all_sides: Sides, tmp_path: Path) -> None:
    with key_homes("lender") as (home,):
        lender = home.make("locked", passphrase="open sesame")  # noqa: S106 - made up
        for name in ("bureau", "archive"):
            getattr(all_sides, name).give(all_sides.keys[name], home)
        home.give(lender, all_sides.bureau)
        file = tmp_path / "passphrase"
        file.write_text("open sesame\n")
        file.chmod(0o600)
        settings = all_sides.settings(
            tmp_path, gnupg_home=home.folder, lender_key=lender, passphrase_file=file
        )
        home.stop_agent()  # it has made the key and knows its passphrase
        answer = tmp_path / "answer.enc"
        answer.write_bytes(answer_of(ANSWER, all_sides.bureau, lender, all_sides.keys["bureau"]))
        with keys.keyring(settings):  # the key is unlocked once, which takes a second
            keys.require_keys(settings)
            enc, _, _ = sealed(tmp_path, settings)
            assert envelope.open_answer(answer, settings) == ANSWER
        assert gzip.decompress(all_sides.bureau.opened(enc)) == CLEAR
        file.write_text("another\n")
        for act in (
            lambda: keys.require_keys(settings),
            lambda: envelope.open_answer(answer, settings),
            lambda: sealed(tmp_path, settings),
        ):
            with pytest.raises(BadCall, match="GnuPG cannot sign and open with it"):
                act()
        file.chmod(0o640)
        with pytest.raises(BadCall, match=r"PASSPHRASE_FILE: others can read .*; chmod 600 it"):
            keys.require_keys(settings)
        file.unlink()
        with pytest.raises(BadCall, match="PASSPHRASE_FILE: cannot read"):
            keys.require_keys(settings)


def agent_of(home: KeyHome) -> bool:
    return (home.folder / "S.gpg-agent").exists()


def test_our_agent_stops_and_one_that_ran_before_stays(all_sides: Sides, tmp_path: Path) -> None:
    with key_homes("lender") as (home,):
        lender = home.make("own")
        settings = all_sides.settings(tmp_path, gnupg_home=home.folder, lender_key=lender)
        if not agent_of(home):
            pytest.skip("this machine keeps the agent's socket elsewhere")
        keys.require_secret(settings)
        assert agent_of(home)
        home.stop_agent()
        with keys.keyring(settings):
            keys.require_secret(settings)
            assert agent_of(home), "one agent for the whole block"
        assert not agent_of(home)
