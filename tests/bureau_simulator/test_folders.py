"""The bureau's folder from outside: commands, envelopes, answers, CSV files."""

import csv
import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import bureau_records as example
from support.bureau_folder import Bureau, key_folder
from support.bureau_records import ORG, file_name
from typer.testing import CliRunner

from bureau_simulator import envelope, files, keys
from bureau_simulator.cli import app
from bureau_simulator.messages import FileRefused

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None, reason="the program gpg is not installed"
)

PERSONS, AGREEMENTS, ACCOUNTS = (file_name(kind) for kind in ("110", "220", "210"))


def answered(name: str) -> str:
    """The name of the answer to a file."""
    return f"{name[:29]}1.enc"


@pytest.fixture(scope="module")
def made_keys() -> Iterator[Path]:
    """Keys of the three parties, made once."""
    with key_folder() as folder:
        yield folder


@pytest.fixture
def bureau(tmp_path: Path, made_keys: Path) -> Bureau:
    """A bureau that has received nothing."""
    return Bureau(tmp_path / "bureau", made_keys, keys.read(made_keys))


def call(bureau: Bureau, command: str, *options: str, exit_code: int = 0) -> str:
    """Run one command of the simulator; return what it printed."""
    arguments = [command, "--folder", str(bureau.folder), *options]
    if command != "state":
        arguments += ["--keys", str(bureau.keys_folder)]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == exit_code, result.output
    return result.output


def send_everything(bureau: Bureau) -> None:
    """The worked example in three files, delivered in the wrong order."""
    bureau.send(ACCOUNTS, *(example.month(number) for number in range(1, 9)))
    bureau.send(AGREEMENTS, example.agreement(), example.agreement("2023-08-15", "20", "2"))
    bureau.send(PERSONS, example.person())


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_worked_example_goes_through_all_commands(bureau: Bureau, tmp_path: Path) -> None:
    send_everything(bureau)
    call(bureau, "receive")
    call(bureau, "answer")
    for name in (PERSONS, AGREEMENTS, ACCOUNTS):
        header = f"A050{name[22:25]}2.0.0{'10' if name == PERSONS else '  '}{ORG}20230905080000"
        assert bureau.answer(answered(name)) == f"{header}00000000\n"
        assert (bureau.folder / "received" / name).exists()
    assert list((bureau.folder / "in").iterdir()) == []
    call(bureau, "state", "--to", str(tmp_path / "csv"))
    counts = {file.stem: len(read_csv(file)) for file in (tmp_path / "csv").iterdir()}
    assert counts == {"persons": 1, "agreements": 1, "accounts": 1, "months": 8}
    months = read_csv(tmp_path / "csv" / "months.csv")
    assert [month["RpyStatus"] for month in months] == list("*N123MNC")
    assert months[2]["TotOverd"] == "2021"
    account = read_csv(tmp_path / "csv" / "accounts.csv")[0]
    assert account["Mcc"] == example.AGREEMENT
    assert account["ClosedRptDate"] == "2023-08-15"
    assert read_csv(tmp_path / "csv" / "agreements.csv")[0]["ConStatus"] == "2"
    assert read_csv(tmp_path / "csv" / "persons.csv")[0]["EduLevel"] == "20"


def test_an_answer_lists_the_records_in_error_with_their_text(bureau: Bureau) -> None:
    spoilt = example.changed(example.person(), "FcsInfSgmt.Sex", "3")
    bureau.send(PERSONS, example.person())
    bureau.send(file_name("110", 2), spoilt)
    call(bureau, "receive")
    call(bureau, "answer")
    header, line = bureau.answer(answered(file_name("110", 2))).splitlines()
    assert header.endswith("0000001")
    assert line == (
        f"ABE001反馈消息：Sex消息内容：not in the code list原出错记录：{example.xml(spoilt)}"  # noqa: RUF001
    )


def test_a_part_is_never_taken(bureau: Bureau) -> None:
    bureau.deliver(f"{PERSONS}.part", b"half")
    call(bureau, "receive")
    assert (bureau.folder / "in" / f"{PERSONS}.part").exists()
    assert not (bureau.folder / "received").exists()


def test_files_are_taken_by_date_type_and_serial() -> None:
    wanted = [
        file_name("210", created="20230904"),
        file_name("110", 2),
        file_name("220", 1),
        file_name("210", 1),
        file_name("210", 2),
        "strange.enc",
    ]
    assert sorted(set(wanted), key=files.receiving_order) == wanted


def refused(bureau: Bureau, name: str, sealed: bytes) -> str:
    """Deliver one file; return the code and tag of the one line of its answer."""
    bureau.deliver(name, sealed)
    call(bureau, "receive")
    call(bureau, "answer")
    (answer,) = (bureau.folder / "out").iterdir()
    header, line = bureau.answer(answer.name).splitlines()
    assert header.endswith("0000001")
    assert len(header) == 50
    assert line.endswith("原出错记录：")  # noqa: RUF001 - no record is named
    return line[:6]


def clear() -> bytes:
    return example.clear_file(PERSONS, [example.xml(example.person())])


SPOILT_CLEAR_FILES = {
    "not UTF-8": ("ABF011", clear().replace("测".encode(), b"\xff")),
    "nothing": ("ABF002", b""),
    "an empty line": ("ABF002", clear() + b"\n"),
    "header too short": ("ABH005", clear()[1:]),
    "header of another type": ("ABH005", clear().replace(b"A050110", b"A050210", 1)),
    "header of another furnisher": ("ABH005", clear().replace(ORG.encode(), b"N999W1100H0017", 1)),
    "another version": ("ABH005", clear().replace(b"2.0.0", b"1.0.0", 1)),
    "no template": ("ABH005", clear().replace(b"2.0.010", b"2.0.0  ", 1)),
    "count too high": ("ABH006", clear().replace(b"0000001", b"0000002", 1)),
}


@pytest.mark.parametrize("case", SPOILT_CLEAR_FILES)
def test_a_spoilt_file_is_refused_whole(bureau: Bureau, case: str) -> None:
    code, content = SPOILT_CLEAR_FILES[case]
    assert refused(bureau, PERSONS, bureau.seal(content)) == code


@pytest.mark.parametrize(
    "name",
    [
        "strange.enc",
        f"{PERSONS[:29]}1.enc",
        file_name("110", created="20230231"),
        file_name("999"),
        f"{PERSONS[:-4]}.txt",
    ],
)
def test_a_name_without_form_is_refused(bureau: Bureau, name: str) -> None:
    assert refused(bureau, name, bureau.seal(clear())) == "ABN003"


def test_an_envelope_gives_back_what_was_sealed(bureau: Bureau) -> None:
    with keys.home(bureau.keys_folder / "bureau") as gpg:
        signers = [bureau.fingerprints["lender"]]
        assert envelope.open_sealed(gpg, bureau.seal(clear()), signers) == clear()


def test_a_damaged_or_foreign_envelope_does_not_open(bureau: Bureau) -> None:
    sealed = bureau.seal(clear())
    middle = len(sealed) // 2
    fault = bytes([sealed[middle] ^ 1])
    with keys.home(bureau.keys_folder / "lender") as gpg:
        to_itself = envelope.seal(
            gpg, clear(), bureau.fingerprints["lender"], [bureau.fingerprints["lender"]]
        )
        unsigned = bytes(
            gpg.encrypt(
                gzip.compress(clear()),
                bureau.fingerprints["bureau"],
                always_trust=True,
                armor=False,
            ).data
        )
        only_signed = bytes(
            gpg.sign(
                gzip.compress(clear()),
                keyid=bureau.fingerprints["lender"],
                detach=False,
                binary=True,
                clearsign=False,
            ).data
        )
    cases = {
        "tampered": sealed[:middle] + fault + sealed[middle + 1 :],
        "truncated": sealed[:-1],
        "cut in the middle": sealed[:middle],
        "followed by another": sealed + sealed,
        "another signer": bureau.seal(clear(), signer="archive"),
        "encrypted to another": to_itself,
        "not signed": unsigned,
        "not encrypted": only_signed,
        "not an envelope": clear(),
        "empty": b"",
    }
    with keys.home(bureau.keys_folder / "bureau") as gpg:
        for case, damaged in cases.items():
            with pytest.raises(FileRefused) as refusal:
                envelope.open_sealed(gpg, damaged, [bureau.fingerprints["lender"]])
            assert refusal.value.message.code == "ABF000", case


def test_what_does_not_unzip_is_refused(bureau: Bureau) -> None:
    with keys.home(bureau.keys_folder / "lender") as gpg:
        sealed = bytes(
            gpg.encrypt(
                b"no gzip",
                bureau.fingerprints["bureau"],
                sign=bureau.fingerprints["lender"],
                always_trust=True,
                armor=False,
            ).data
        )
    assert refused(bureau, PERSONS, sealed) == "ABF001"


def test_a_tampered_file_is_answered_with_abf000(bureau: Bureau) -> None:
    assert refused(bureau, PERSONS, bureau.seal(clear())[:-5]) == "ABF000"


def test_the_same_file_twice_is_answered_alike_and_counts_once(bureau: Bureau) -> None:
    sealed = bureau.send(PERSONS, example.person())
    call(bureau, "receive")
    call(bureau, "answer")
    out = bureau.folder / "out" / answered(PERSONS)
    before = hashlib.sha256(out.read_bytes()).hexdigest()
    out.unlink()
    bureau.deliver(PERSONS, sealed)
    assert "received before" in call(bureau, "receive")
    call(bureau, "answer")
    assert hashlib.sha256(out.read_bytes()).hexdigest() == before


def test_other_bytes_under_a_known_name_are_refused_beside_the_first_answer(
    bureau: Bureau,
) -> None:
    bureau.send(PERSONS, example.person())
    call(bureau, "receive")
    bureau.send(PERSONS, example.person())  # sealed again: other bytes
    call(bureau, "receive")
    call(bureau, "answer")
    assert len(bureau.answer(answered(PERSONS)).splitlines()) == 1
    second = bureau.answer(answered(PERSONS).replace(".enc", ".2.enc"))
    assert second.splitlines()[1].startswith("ABN004")
    received = sorted(file.name for file in (bureau.folder / "received").iterdir())
    assert received == [PERSONS, f"{PERSONS}.2"]


def test_a_held_answer_stays_away_until_it_is_asked_for(bureau: Bureau) -> None:
    send_everything(bureau)
    call(bureau, "receive")
    call(bureau, "answer", "--hold", ACCOUNTS)
    out = bureau.folder / "out"
    assert not (out / answered(ACCOUNTS)).exists()
    assert (out / answered(PERSONS)).exists()
    call(bureau, "answer")
    assert (out / answered(ACCOUNTS)).exists()


def test_one_file_is_answered_and_answered_again(bureau: Bureau) -> None:
    send_everything(bureau)
    call(bureau, "receive")
    call(bureau, "answer", "--file", PERSONS)
    out = bureau.folder / "out"
    assert [file.name for file in out.iterdir()] == [answered(PERSONS)]
    (out / answered(PERSONS)).unlink()
    call(bureau, "answer", "--file", PERSONS)
    assert [file.name for file in out.iterdir()] == [answered(PERSONS)]
    assert "no file nothing.enc" in call(bureau, "answer", "--file", "nothing.enc", exit_code=1)


def test_a_file_is_refused_by_request(bureau: Bureau) -> None:
    send_everything(bureau)
    printed = call(bureau, "receive", "--refuse", f"{PERSONS}=ABF000")
    assert "ABF000" in printed
    call(bureau, "answer")
    assert bureau.answer(answered(PERSONS)).splitlines()[1].startswith("ABF000")
    rejected = bureau.answer(answered(ACCOUNTS)).splitlines()[1:]
    assert rejected[0].startswith("BLR901")  # nobody knows the person


def test_records_are_rejected_by_request_and_accepted_when_they_come_again(
    bureau: Bureau,
) -> None:
    send_everything(bureau)
    call(bureau, "receive", "--reject", "1=ABR006", "--seed", "1")
    call(bureau, "answer")
    lines = bureau.answer(answered(ACCOUNTS)).splitlines()[1:]
    assert [line[:6] for line in lines].count("ABR006") == 1
    again = file_name("210", 2)
    records = [line.partition("原出错记录：")[2] for line in lines]  # noqa: RUF001
    bureau.deliver(again, bureau.seal(example.clear_file(again, records)))
    call(bureau, "receive")
    call(bureau, "answer")
    assert len(bureau.answer(answered(again)).splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--refuse", f"{PERSONS}=ABR006"), "a file is refused with a code ABF, ABN or ABH"),
        (("--refuse", "nothing.enc=ABF000"), "no file to refuse"),
        (("--reject", "3=ABF000"), "a record is rejected with a code such as"),
        (("--reject", "three=ABR006"), "expected a number"),
        (("--reject", "3"), "expected LEFT=RIGHT"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    bureau: Bureau, options: tuple[str, str], words: str
) -> None:
    bureau.send(PERSONS, example.person())
    assert words in call(bureau, "receive", *options, exit_code=1)
    assert (bureau.folder / "in" / PERSONS).exists()


def test_a_file_that_was_applied_and_not_moved_counts_once(bureau: Bureau) -> None:
    bureau.send(PERSONS, example.person())
    call(bureau, "receive")
    (bureau.folder / "received" / PERSONS).rename(bureau.folder / "in" / PERSONS)
    call(bureau, "receive")
    call(bureau, "answer")
    assert len(bureau.answer(answered(PERSONS)).splitlines()) == 1


def test_keys_that_exist_are_kept(made_keys: Path) -> None:
    assert keys.create(made_keys) == keys.read(made_keys)
    assert all(len(one) == 40 for one in keys.read(made_keys).values())


def test_a_long_path_of_a_gnupg_home_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["keys", str(tmp_path / ("x" * 90))])
    assert result.exit_code == 1
    assert "at most 80 bytes" in result.output
