"""Take the files of ``F/in``, check them and apply them to the state (lifecycle 12)."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gnupg

from bureau_simulator import envelope, feedback, files
from bureau_simulator.atomic import PART
from bureau_simulator.judge import Wish, enter_file, judge
from bureau_simulator.messages import (
    CODE,
    WHOLE_FILE_CODE,
    BadCall,
    FileRefused,
)
from bureau_simulator.state import State

DEFAULT_REJECTED_TYPE = "210"


@dataclass(frozen=True)
class Received:
    """What became of one file."""

    name: str
    records: int
    rejected: int
    refused_code: str  # empty where the file was not refused whole
    is_repeated: bool = False

    @property
    def accepted(self) -> int:
        """Records that the bureau has entered."""
        return 0 if self.refused_code else self.records - self.rejected


@dataclass
class Requests:
    """What a test wants the bureau to do to good files and records."""

    refuse: Mapping[str, str] = field(default_factory=dict)  # file name -> code
    reject: Sequence[Wish] = ()
    reject_type: str = DEFAULT_REJECTED_TYPE
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise BadCall for a code of the wrong family."""
        for code in self.refuse.values():
            if not WHOLE_FILE_CODE.fullmatch(code):
                raise BadCall(f"a file is refused with a code ABF, ABN or ABH, not {code}")
        for wish in self.reject:
            if not CODE.fullmatch(wish.code) or WHOLE_FILE_CODE.fullmatch(wish.code):
                raise BadCall(f"a record is rejected with a code such as ABR006, not {wish.code}")


def waiting(folder: Path) -> list[Path]:
    """Return the whole files of ``F/in`` in the order in which they are taken."""
    inbox = folder / "in"
    if not inbox.is_dir():
        return []
    whole = [file for file in inbox.iterdir() if file.is_file() and not file.name.endswith(PART)]
    return sorted(whole, key=lambda file: files.receiving_order(file.name))


def receive(
    folder: Path, state: State, gpg: gnupg.GPG, signers: Sequence[str], requests: Requests
) -> list[Received]:
    """Receive every waiting file. Each is applied in one transaction, then moved.

    A call that was interrupted is repeated: a file that is already applied is found by name and
    hash and only moved. Raises BadCall where a file to refuse is not there.
    """
    dice = random.Random(requests.seed)  # noqa: S311 - a sample that tests can repeat
    results = []
    taken = waiting(folder)
    unknown = [name for name in requests.refuse if not any(_is(file, name) for file in taken)]
    if unknown:
        raise BadCall(f"no file to refuse: {', '.join(unknown)}")
    for file in taken:
        sealed = file.read_bytes()
        with state.transaction():
            results.append(_apply(state, file.name, sealed, (gpg, signers), requests, dice))
        _move(file, folder / "received")
    return results


def _apply(
    state: State,
    name: str,
    sealed: bytes,
    keys: tuple[gnupg.GPG, Sequence[str]],
    requests: Requests,
    dice: random.Random,
) -> Received:
    sha256 = hashlib.sha256(sealed).hexdigest()
    known = state.row("select * from files where name = ? and sha256 = ?", name, sha256)
    if known is not None:
        state.sql.execute(
            "update files set is_answer_due = 1 where file_id = ?", [known["file_id"]]
        )
        return Received(name, known["records"], known["rejected"], known["refused_code"], True)
    copies = state.row("select count(*) from files where name = ?", name)
    copy = copies[0] + 1 if copies else 1
    file_id = _register(state, name, sha256, copy)
    parts, header = None, None
    try:
        parts = files.parse_name(name)
        if copy > 1:
            raise FileRefused("ABN004", "a file of this name with other content was received")
        clear = envelope.open_sealed(keys[0], sealed, keys[1])
        submission = files.parse(parts, clear)
        header = submission.header
        for asked, code in requests.refuse.items():
            if asked in (name, Path(name).stem):
                raise FileRefused(code, "refused by request")
    except FileRefused as refusal:
        state.put_messages(file_id, 0, "", [refusal.message])
        result = Received(name, 0, 0, refusal.message.code)
    else:
        wishes = requests.reject if parts.record_type == requests.reject_type else ()
        found = enter_file(state, judge(submission), file_id, wishes, dice)
        for line, messages in found.items():
            state.put_messages(file_id, line, submission.lines[line - 1], messages)
        result = Received(name, len(submission.lines), len(found), "")
    _finish(
        state, file_id, result, feedback.answer_header(parts, header, _messages(state, file_id))
    )
    return result


def _register(state: State, name: str, sha256: str, copy: int) -> int:
    columns = "name, sha256, copy, answer_header, refused_code, records, rejected"
    row = state.row(
        f"insert into files ({columns}, is_answer_due)"
        " values (?, ?, ?, '', '', 0, 0, 1) returning file_id",
        name,
        sha256,
        copy,
    )
    if row is None:  # pragma: no cover - an insert returns its row
        raise BadCall("the database did not store the file")
    return int(row["file_id"])


def _messages(state: State, file_id: int) -> int:
    row = state.row("select count(*) from messages where file_id = ?", file_id)
    return int(row[0]) if row else 0


def _finish(state: State, file_id: int, result: Received, answer_header: str) -> None:
    state.sql.execute(
        "update files set records = ?, rejected = ?, refused_code = ?, answer_header = ?"
        " where file_id = ?",
        (result.records, result.rejected, result.refused_code, answer_header, file_id),
    )


def _is(file: Path, name: str) -> bool:
    """Names may be given with or without their suffix."""
    return name in (file.name, file.stem)


def _move(file: Path, folder: Path) -> None:
    """Move a file; a second one of the same name gets a number, nothing is replaced."""
    folder.mkdir(exist_ok=True)
    target, number = folder / file.name, 1
    while target.exists():
        number += 1
        target = folder / f"{file.name}.{number}"
    file.rename(target)
