"""Write the answers to received files into ``F/out`` (lifecycle 9.1, 12)."""

import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

import gnupg

from bureau_simulator import atomic, envelope, feedback
from bureau_simulator.files import SUFFIX
from bureau_simulator.messages import BadCall, Message
from bureau_simulator.state import State


def answer(
    folder: Path,
    state: State,
    seal_with: tuple[gnupg.GPG, str, Sequence[str]],
    only: str | None = None,
    hold: Collection[str] = (),
) -> list[Path]:
    """Answer what was received and not answered; return the files written.

    ``seal_with`` is the bureau's GnuPG, its signing key and the keys of the lender. A file named
    by ``only`` is answered again even if it was. What is held stays unanswered. Raises BadCall
    where a named file was never received.
    """
    rows = _chosen(state, only, hold)
    written = []
    for row in rows:
        sealed = row["answer"]
        if sealed is None:
            sealed = envelope.seal(seal_with[0], clear_answer(state, row), *seal_with[1:])
            # Kept before it goes out: a file that comes again gets the very same bytes.
            _set(state, row, "answer = ?", sealed)
        target = folder / "out" / out_name(row)
        atomic.write(target, sealed)
        _set(state, row, "is_answer_due = ?", 0)
        written.append(target)
    return written


def clear_answer(state: State, row: sqlite3.Row) -> bytes:
    """Return the clear bytes of the answer to one file."""
    found = state.sql.execute(
        "select code, tag, text, record from messages where file_id = ? order by line, rowid",
        [row["file_id"]],
    )
    messages = [(Message(one["code"], one["tag"], one["text"]), one["record"]) for one in found]
    return feedback.compose(row["answer_header"], messages)


def out_name(row: sqlite3.Row) -> str:
    """Return the name of an answer.

    The answer to a second file of one name (ABN004) is numbered, so that it never replaces the
    answer to the first.
    """
    name = feedback.answer_name(row["name"])
    return name if row["copy"] == 1 else f"{name.removesuffix(SUFFIX)}.{row['copy']}{SUFFIX}"


def _chosen(state: State, only: str | None, hold: Collection[str]) -> list[sqlite3.Row]:
    rows: list[sqlite3.Row] = state.sql.execute("select * from files order by file_id").fetchall()
    for name in (*hold, *([only] if only else [])):
        if not any(_is(row, name) for row in rows):
            raise BadCall(f"no file {name} was received")
    if only is not None:
        rows = [row for row in rows if _is(row, only)]
    else:
        rows = [row for row in rows if row["is_answer_due"]]
    return [row for row in rows if not any(_is(row, name) for name in hold)]


def _set(state: State, row: sqlite3.Row, change: str, value: object) -> None:
    state.sql.execute(f"update files set {change} where file_id = ?", (value, row["file_id"]))


def _is(row: sqlite3.Row, name: str) -> bool:
    """Names may be given with or without their suffix."""
    return str(row["name"]) in (name, name + SUFFIX)
