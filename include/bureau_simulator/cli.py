"""The simulator's command line (lifecycle 12)."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from bureau_simulator import answer as answers
from bureau_simulator import export, keys, receive
from bureau_simulator.judge import Wish
from bureau_simulator.messages import BadCall
from bureau_simulator.state import State

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

FolderOption = Annotated[Path, typer.Option(help="The bureau's folder F with in/ and out/.")]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="Folder of `keys`; by default F/keys.")
]


@app.callback()
def main_callback() -> None:
    """Act as the credit bureau."""


@app.command("keys")
def keys_command(
    folder: Annotated[Path, typer.Argument(help="Where the GnuPG homes are created.")],
) -> None:
    """Create made-up GnuPG homes for bureau, lender and archive; print the fingerprints."""
    with _bad_calls_end_here():
        for role, fingerprint in keys.create(folder).items():
            Console(soft_wrap=True).print(f"{role} {fingerprint}")


@app.command("receive")
def receive_command(
    folder: FolderOption,
    refuse: Annotated[
        list[str] | None, typer.Option(help="NAME=CODE: refuse this file whole. Repeatable.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(help="N=CODE: reject N good records. Repeatable.")
    ] = None,
    reject_type: Annotated[
        str, typer.Option(help="Record type that --reject takes its sample from.")
    ] = receive.DEFAULT_REJECTED_TYPE,
    seed: Annotated[int, typer.Option(help="Seed of the sample of --reject.")] = 0,
    keys_folder: KeysOption = None,
) -> None:
    """Take every whole file of F/in, check it, apply it to the state, move it to F/received."""
    with _bad_calls_end_here():
        wishes = [Wish(code, _number(count)) for count, code in map(_pair, reject or [])]
        requests = receive.Requests(dict(map(_pair, refuse or [])), wishes, reject_type, seed)
        fingerprints = keys.read(keys_folder or folder / "keys")
        signers = keys.listed(fingerprints["lender"])
        bureau = (keys_folder or folder / "keys") / "bureau"
        with closing(_state(folder)) as state, keys.home(bureau) as gpg:
            received = receive.receive(folder, state, gpg, signers, requests)
    table = Table(Column("file", no_wrap=True), "records", "accepted", "rejected", "", box=None)
    for one in received:
        counts = (str(one.records), str(one.accepted), str(one.rejected))
        table.add_row(one.name, *counts, _note(one))
    Console().print(table)
    for wish in wishes:
        if wish.left:
            Console().print(f"too few good records: {wish.left} not rejected with {wish.code}")


@app.command("answer")
def answer_command(
    folder: FolderOption,
    file: Annotated[str | None, typer.Option(help="NAME: answer this file, even again.")] = None,
    hold: Annotated[
        list[str] | None, typer.Option(help="NAME: leave this file unanswered. Repeatable.")
    ] = None,
    keys_folder: KeysOption = None,
) -> None:
    """Write F/out/... for what was received and not answered."""
    with _bad_calls_end_here():
        fingerprints = keys.read(keys_folder or folder / "keys")
        signer = keys.listed(fingerprints["bureau"])[0]
        recipients = keys.listed(fingerprints["lender"])[:1]
        bureau = (keys_folder or folder / "keys") / "bureau"
        with closing(_state(folder)) as state, keys.home(bureau) as gpg:
            written = answers.answer(folder, state, (gpg, signer, recipients), file, hold or [])
    for path in written:
        Console(soft_wrap=True).print(str(path), highlight=False)


@app.command("state")
def state_command(
    folder: FolderOption,
    to: Annotated[Path, typer.Option(help="Folder of the CSV files.")],
) -> None:
    """Write persons, agreements, accounts and months as the bureau holds them, as CSV."""
    with closing(_state(folder)) as state:
        counts = export.export(state, to)
    table = Table("table", "rows")
    for name, rows in counts.items():
        table.add_row(name, str(rows))
    Console().print(table)


def main() -> None:
    """Run the command line."""
    app()


def _note(one: receive.Received) -> str:
    refused = [f"refused {one.refused_code}"] if one.refused_code else []
    return ", ".join(refused + (["received before"] if one.is_repeated else []))


def _state(folder: Path) -> State:
    return State(folder / "bureau.sqlite")


def _pair(text: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not left or not equals or not right:
        raise BadCall(f"expected LEFT=RIGHT, got {text}")
    return left, right


def _number(text: str) -> int:
    if not text.isdecimal():
        raise BadCall(f"expected a number of records, got {text}")
    return int(text)


@contextmanager
def _bad_calls_end_here() -> Iterator[None]:
    """A BadCall becomes one line and exit code 1."""
    try:
        yield
    except BadCall as error:
        Console(file=sys.stderr, soft_wrap=True).print(f"error: {error}", highlight=False)
        raise typer.Exit(1) from error
