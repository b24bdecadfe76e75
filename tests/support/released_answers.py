"""A released month and the bureau's answers to it, sealed and signed by ``gpg`` itself."""

import gzip
import shutil
import subprocess
from pathlib import Path
from typing import Any

from reporting.core.settings import Settings
from reporting.submission import feedback
from support.released_months import FIRST, at, copy_of, query, release_month

HEADER = "A050{kind}2.0.0{template}{reporter}{day}0000000{count:07d}"


class Released:
    """A released month: its files and their lines, and answers to them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lines = {
            path.name: path.read_text(encoding="utf-8").splitlines()[1:]
            for path in settings.submissions.glob(f"*/{FIRST}/*.txt")
        }

    @classmethod
    def of_approved(cls, settings: Settings) -> "Released":
        """Release the first month of a home, which is approved."""
        released = cls(settings)
        release_month(settings, FIRST)
        return released

    def copy(self, home: Path) -> "Released":
        """The same in a home of its own."""
        copy = Released(copy_of(self.settings, home))
        copy.lines = self.lines
        return copy

    def file(self, kind: str) -> str:
        return min(name for name in self.lines if name[22:25] == kind)

    def answer(self, name: str, *messages: str, **faults: Any) -> Path:
        """A sealed answer to a file, as the bureau makes it but for some faults."""
        return sealed_answer(self.settings, name, *messages, **faults)

    def read(self) -> feedback.Read:
        return feedback.read_answers([], self.settings, at)

    def states(self, name: str) -> dict[str, int]:
        sql = f"select state, count(*) from marts.submission_records where file_name = '{name}'"
        return dict(query(self.settings, f"{sql} group by all"))

    def events(self) -> int:
        return int(query(self.settings, "select count(*) from marts.submission_events")[0][0])


def sealed_answer(
    settings: Settings,
    name: str,
    *messages: str,
    count: int | None = None,
    signed_by: str = "bureau",
    content: bytes | None = None,
) -> Path:
    """Put a sealed answer to a file into the inbox, as the bureau makes it but for some faults."""
    kind = name[22:25]
    template = "10" if kind == "110" else "  "
    stated = len(messages) if count is None else count
    about = {"reporter": name[:14], "day": name[14:22], "count": stated}
    header = HEADER.format(kind=kind, template=template, **about)
    clear = "\n".join([header, *messages]).encode() if content is None else content
    path = settings.inbox / "new" / f"{name[:29]}1.enc"
    path.parent.mkdir(parents=True, exist_ok=True)
    home = ["--homedir", str(settings.key_folder), "--batch", "--quiet", "--yes"]
    subprocess.run(
        [
            *(shutil.which("gpg") or "", *home, "--trust-model", "always"),
            *("--local-user", f"{signed_by}@example.org", "--recipient", "lender@example.org"),
            *("--output", str(path), "--sign", "--encrypt"),
        ],
        input=gzip.compress(clear),
        check=True,
    )
    return path


def message(line: str, code: str = "BLE011") -> str:
    return (
        f"{code}反馈消息：AcctBal消息内容：a text with a value 110101199001011234原出错记录：{line}"  # noqa: RUF001
    )
