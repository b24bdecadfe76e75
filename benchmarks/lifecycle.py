"""From a built month to the bureau and back: how long each act takes, beside its floor.

    python benchmarks/lifecycle.py --book data/benchmarks/book_1m --home data/lifecycle

Builds 2026-04 of a book, approves and releases it, and reads answers without and with rejections of
one record in a hundred; then does the same with 2026-05, a later month, and builds its supplement.
Each measured act is a process of its own. The floor of a release is ``gzip -6 | gpg --sign
--encrypt`` of the same files. Prints a table.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from measuring import measure

FIRST, SECOND, SUPPLEMENT = "2026-04", "2026-05", "2026-06-20"
EVERY = 100  # one record in so many is rejected
FLAG = 29  # the place in a file name that is 1 in an answer
APPROVE = """
from datetime import datetime
from reporting.core.settings import load_settings
from reporting.store.run_marks import now
from reporting.store.submission_ledger import acting
from reporting.submission import approval
settings = load_settings()
run = approval.newest_run({month!r}, None, settings)
with acting("os:approver"):
    approval.approve(run, settings, now())
"""


class Bureau:
    """A bureau that answers at once: made-up keys, and answers from the lines of clear files."""

    def __init__(self, home: Path, book: Path, memory_limit: str) -> None:
        """Make the keys and the settings of a lender's home over a book."""
        self.home = home
        keys = Path(tempfile.mkdtemp(prefix="b")) / "keys"  # a short path, for GnuPG's agent
        command = [sys.executable, "-m", "bureau_simulator", "keys", str(keys)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.keys, known = keys, json.loads((keys / "keys.json").read_text(encoding="utf-8"))
        self.known = known
        self.environment = {
            "REPORTING_HOME": str(home),
            "REPORTING_LANDING": str(book),
            "REPORTING_MEMORY_LIMIT": memory_limit,
            "REPORTING_GNUPG_HOME": str(keys / "lender"),
            "REPORTING_LENDER_KEY": known["lender"],
            "REPORTING_BUREAU_KEY": known["bureau"],
            "REPORTING_ARCHIVE_KEY": known["archive"],
        }

    def gpg(self, person: str, *words: str) -> list[str]:
        """GnuPG with the keys of lender or bureau."""
        home = str(self.keys / person)
        return ["gpg", "--homedir", home, "--batch", "--quiet", "--yes", *words]

    def answer(self, name: str, lines: list[str]) -> Path:
        """A sealed answer that rejects some lines of a file."""
        kind = name[22:25]
        template = "10" if kind == "110" else "  "
        header = f"A050{kind}2.0.0{template}{name[:22]}0000000{len(lines):07d}"
        messages = [
            f"ABR006反馈消息：AcctBal消息内容：-原出错记录：{line}"  # noqa: RUF001
            for line in lines
        ]
        path = self.home / "inbox" / "new" / f"{name[:FLAG]}1.enc"
        path.parent.mkdir(parents=True, exist_ok=True)
        words = ("--local-user", self.known["bureau"], "--recipient", self.known["lender"])
        more = ("--trust-model", "always", "--output", str(path), "--sign", "--encrypt")
        clear = gzip.compress("\n".join([header, *messages]).encode())
        subprocess.run(self.gpg("bureau", *words, *more), input=clear, check=True)
        return path


def main() -> None:
    """Go the way once and print what each act took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--book", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--memory-limit", default="6GB")
    args = parser.parse_args()
    shutil.rmtree(args.home, ignore_errors=True)
    bureau = Bureau(args.home, args.book.resolve(), args.memory_limit)
    found: list[tuple[str, float, float]] = []

    def act(what: str, *words: str) -> None:
        done = measure([sys.executable, "-m", "reporting", *words], bureau.environment)
        found.append((what, done["seconds"], done["peak_bytes"] / 1e9))
        print(f"{what}: {done['seconds']} s", flush=True)

    def go_round(month: str) -> None:
        """Approve and release a built month, and read its answers."""
        files = sorted((args.home / "submissions").glob(f"*/{month}/*.txt"))
        lines = {file.name: file.read_text(encoding="utf-8").splitlines()[1:] for file in files}
        key, lender = bureau.known["bureau"], bureau.known["lender"]
        sealing = (
            f"gzip -6nc {{}} | {' '.join(bureau.gpg('lender'))} --trust-model always "
            f"--compress-algo none --local-user {lender} --recipient {key} --sign --encrypt "
            "> /dev/null"
        )
        floor = measure(["sh", "-c", " && ".join(sealing.format(file) for file in files)], {})
        size = sum(file.stat().st_size for file in files) / 1e6
        found.append((f"floor: gzip, gpg of {size:,.0f} MB", floor["seconds"], 0.0))
        approving = measure([sys.executable, "-c", APPROVE.format(month=month)], bureau.environment)
        found.append(("approve", approving["seconds"], approving["peak_bytes"] / 1e9))
        act(f"release, {sum(map(len, lines.values())):,} records", "release", "--month", month)
        rejecting = max(lines, key=lambda name: len(lines[name]) * (name[22:25] == "210"))
        for name in lines:
            if name != rejecting:
                bureau.answer(name, [])
        act("answers without rejections", "feedback")
        bureau.answer(rejecting, lines[rejecting][::EVERY])
        act(f"answer with {len(lines[rejecting][::EVERY]):,} rejections", "feedback")

    act(f"run {FIRST}, the first month", "run", "--month", FIRST)
    go_round(FIRST)
    act(f"run {SECOND}, a later month", "run", "--month", SECOND)
    go_round(SECOND)
    act("months", "months")
    act(f"supplement of {SECOND}", "run", "--month", SECOND, "--as-of", SUPPLEMENT)
    ledger = sum(path.stat().st_size for path in (args.home / "ledger" / "runs").rglob("*.parquet"))
    table = Table("act", "seconds", "peak GB", box=None)
    for what, seconds, peak in found:
        table.add_row(what, f"{seconds:,.1f}", f"{peak:.2f}" if peak else "")
    Console().print(table)
    print(f"frozen tables of a month: {ledger / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
